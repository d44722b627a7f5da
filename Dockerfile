# One build, one image for each process: docker build --target web | trainer | reward-model | cli | trainer-gpu | reward-model-gpu .
# docs/guides/docker.md says what is in them. Nothing here needs BuildKit.

# .NET's images stand on Ubuntu since .NET 10. What links with libtorch is built and run on Debian, whose libtorch this project is tested
# with; SDK and runtime are copied there, which both are made for.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS sdk
FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS aspnet

# Only what decides which packages are needed, so that editing a source file leaves the restored layer valid.
FROM debian:bookworm-slim AS projects
COPY . /work
RUN find /work -type f ! -name '*.csproj' ! -name '*.props' ! -name '*.targets' ! -name global.json -delete

FROM debian:bookworm-slim AS build
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 PATH=/usr/share/dotnet:$PATH
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ca-certificates libssl3 g++ libtorch-dev libopenblas0-pthread libgloo-dev \
 && rm -rf /var/lib/apt/lists/*
COPY --from=sdk /usr/share/dotnet /usr/share/dotnet
WORKDIR /work
COPY --from=projects /work ./
# What stands behind TorchSharp's names: docs/guides/torch.md. Where _framework/blazor.web.js comes from: src/Labeling.Web/BlazorScript.targets.
ARG TORCH=system
ARG BLAZOR_SCRIPT=runtime-pack
RUN dotnet restore src/Cli/Cli.csproj -p:Torch=$TORCH -p:BlazorScript=$BLAZOR_SCRIPT
COPY . .
RUN for project in Labeling.Web Trainer.Service RewardModel.Service Cli; do \
      dotnet publish src/$project -c Release --no-restore -o /out/$project \
        -p:Torch=$TORCH -p:BlazorScript=$BLAZOR_SCRIPT -p:RunAnalyzers=false -p:PublishDocumentationFiles=false -p:DebugType=none || exit 1; \
    done

# The site computes nothing: no libtorch.
FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS web
RUN install -d -o 1654 -g 1654 /data /data/keys
COPY --from=build /out/Labeling.Web /app
WORKDIR /app
USER 1654
EXPOSE 8080
ENTRYPOINT ["dotnet", "Labeling.Web.dll"]

FROM debian:bookworm-slim AS runtime
ENV DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_RUNNING_IN_CONTAINER=true ASPNETCORE_HTTP_PORTS=8080 PATH=/usr/share/dotnet:$PATH
# The directories are made here so that a new volume over them belongs to the user.
RUN groupadd --gid 1654 app && useradd --no-log-init --uid 1654 --gid 1654 --create-home app \
 && install -d -o 1654 -g 1654 /data /data/checkpoints /data/runs
COPY --from=aspnet /usr/share/dotnet /usr/share/dotnet
WORKDIR /app
EXPOSE 8080

FROM runtime AS torch-cpu
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ca-certificates libssl3 libtorch1.13 libopenblas0-pthread \
 && rm -rf /var/lib/apt/lists/*

FROM torch-cpu AS trainer
COPY --from=build /out/Trainer.Service /app
USER 1654
ENTRYPOINT ["dotnet", "Trainer.Service.dll"]

FROM torch-cpu AS reward-model
COPY --from=build /out/RewardModel.Service /app
USER 1654
ENTRYPOINT ["dotnet", "RewardModel.Service.dll"]

FROM torch-cpu AS cli
COPY --from=build /out/Cli /app
USER 1654
ENTRYPOINT ["dotnet", "rlhf.dll"]

# With --build-arg TORCH=TorchSharp-cuda-linux: that package brings libtorch and CUDA's libraries; the host has the driver and NVIDIA's container toolkit.
FROM runtime AS torch-gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ca-certificates libssl3 libgomp1 libstdc++6 \
 && rm -rf /var/lib/apt/lists/*

FROM torch-gpu AS trainer-gpu
COPY --from=build /out/Trainer.Service /app
USER 1654
ENTRYPOINT ["dotnet", "Trainer.Service.dll"]

FROM torch-gpu AS reward-model-gpu
COPY --from=build /out/RewardModel.Service /app
USER 1654
ENTRYPOINT ["dotnet", "RewardModel.Service.dll"]
