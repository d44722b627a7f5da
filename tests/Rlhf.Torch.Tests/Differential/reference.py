# What Python's torch makes of the inputs of DifferentialTests. Reads and writes safetensors: a length, a JSON header, the bytes.
#   reference.py INPUTS OUTPUTS
import json
import struct
import sys

import torch
import torch.nn.functional as F

TYPES = {"F32": torch.float32, "I64": torch.int64}


def read(path):
    data = bytearray(open(path, "rb").read())
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(data[begin:end], dtype=TYPES[entry["dtype"]]).reshape(entry["shape"]).clone()
    return tensors


def write(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


inputs, outputs = read(sys.argv[1]), {}


def leaf(name):
    return inputs[name].clone().requires_grad_()


# ---- operators and losses: the value, and the gradient of its product with fixed weights
def differentiate(name, function, *names):
    leaves = [leaf(n) for n in names]
    value = function(*leaves)
    outputs[name] = value
    weights = torch.arange(value.numel(), dtype=torch.float32).remainder(7).sub(3).reshape(value.shape)
    (value * weights).sum().backward() if value.dim() else value.backward()
    for n, tensor in zip(names, leaves):
        outputs[f"{name}.{n}"] = tensor.grad


ids, mask, targets, soft = inputs["ids"], inputs["mask"] > 0, inputs["targets"], inputs["soft"]
differentiate("softmax", lambda a: a.softmax(-1), "a")
differentiate("log_softmax", lambda a: a.log_softmax(-1), "a")
differentiate("logsumexp", lambda a: a.logsumexp(1), "a")
differentiate("cumsum", lambda a: a.cumsum(1), "a")
differentiate("layer_norm", lambda a, w, b: F.layer_norm(a, [6], w, b, 1e-5), "a", "w", "b")
differentiate("gelu", F.gelu, "a")
differentiate("silu", F.silu, "a")
differentiate("tanh", torch.tanh, "a")
differentiate("logsigmoid", F.logsigmoid, "a")
differentiate("rms", lambda a, w: a * (a.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * w, "a", "w")
differentiate("linear", lambda a, m, v: F.linear(a, m, v), "a", "m", "v")
differentiate("matmul", lambda a, m: a.matmul(m.transpose(0, 1)), "a", "m")
differentiate("gather", lambda a: a.gather(1, ids), "a")
differentiate("index_select", lambda a: a.index_select(0, ids[0]), "a")
differentiate("embedding", lambda m: F.embedding(ids, m), "m")
differentiate("where", lambda a, c: torch.where(mask, a, c), "a", "c")
differentiate("masked_fill", lambda a: a.masked_fill(mask, -2.0), "a")
differentiate("clamp", lambda a: a.clamp(-0.5, 0.7), "a")
differentiate("minimum", torch.minimum, "a", "c")
differentiate("pow", lambda a: (a.abs() + 0.1).pow(1.5), "a")
differentiate("exp_log", lambda a: (a.exp() + 1).log(), "a")
differentiate("var", lambda a: a.var(1, unbiased=True), "a")
differentiate("cat_split", lambda a, c: torch.cat([a.split(3, 1)[1], c.split([1, 5], 1)[1]], 1), "a", "c")
differentiate("stack_unbind", lambda a, c: torch.stack(a.unbind(1) + c.unbind(1), 1), "a", "c")
differentiate("tril", torch.tril, "a")
differentiate("topk", lambda a: a.topk(2, 1).values, "a")
differentiate("expand", lambda w: w.unsqueeze(0).expand(5, 6), "w")
differentiate("index", lambda a: a[1:4, ::2], "a")
for reduction in ("mean", "sum", "none"):
    differentiate(f"cross_entropy.{reduction}", lambda a: F.cross_entropy(a, targets, reduction=reduction), "a")
    differentiate(f"mse.{reduction}", lambda a, c: F.mse_loss(a, c, reduction=reduction), "a", "c")
    differentiate(f"smooth_l1.{reduction}", lambda a, c: F.smooth_l1_loss(a, c, reduction=reduction, beta=0.5), "a", "c")
    differentiate(f"bce.{reduction}", lambda a: F.binary_cross_entropy_with_logits(a, soft, reduction=reduction), "a")
    differentiate(f"kl_div.{reduction}", lambda a: F.kl_div(a.log_softmax(1), soft.log(), log_target=True, reduction=reduction), "a")
ignoring = targets.clone()
ignoring[2] = -100
differentiate("cross_entropy.ignore", lambda a: F.cross_entropy(a, ignoring), "a")
differentiate("cross_entropy.weighted", lambda a: F.cross_entropy(a, targets, weight=soft[0]), "a")
differentiate("cross_entropy.smoothed", lambda a: F.cross_entropy(a, targets, label_smoothing=0.1), "a")
differentiate("nll", lambda a: F.nll_loss(a.log_softmax(1), targets), "a")


# ---- optimizers: ten steps on a loss of two parameters
def optimize(name, create, schedule=None):
    p, q = leaf("m"), leaf("w")
    optimizer = create([p, q])
    scheduler = schedule(optimizer) if schedule else None
    rates = []
    for _ in range(10):
        optimizer.zero_grad()
        ((p.matmul(q) - 1).square().sum() + (q * 3).sin().sum() + p.square().sum() * 0.1).backward()
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        if scheduler:
            scheduler.step()
    outputs[f"{name}.p"], outputs[f"{name}.q"] = p, q
    outputs[f"{name}.rates"] = torch.tensor(rates)


optim, lrs = torch.optim, torch.optim.lr_scheduler
optimize("sgd", lambda p: optim.SGD(p, 0.01))
optimize("sgd.momentum", lambda p: optim.SGD(p, 0.01, momentum=0.9, dampening=0.1, weight_decay=0.02))
optimize("sgd.nesterov", lambda p: optim.SGD(p, 0.01, momentum=0.9, nesterov=True))
optimize("sgd.maximize", lambda p: optim.SGD(p, 0.001, momentum=0.5, maximize=True))
optimize("adamw", lambda p: optim.AdamW(p, 0.01, weight_decay=0))
optimize("adamw.decay", lambda p: optim.AdamW(p, 0.01, (0.8, 0.95), 1e-6, weight_decay=0.1))
optimize("adamw.amsgrad", lambda p: optim.AdamW(p, 0.01, weight_decay=0.1, amsgrad=True))
optimize("adamw.maximize", lambda p: optim.AdamW(p, 0.001, weight_decay=0.1, maximize=True))
optimize("lambda", lambda p: optim.SGD(p, 0.01), lambda o: lrs.LambdaLR(o, lambda epoch: 0.9**epoch))
optimize("linear", lambda p: optim.SGD(p, 0.01), lambda o: lrs.LinearLR(o, 0.25, 1.0, 6))
optimize("cosine", lambda p: optim.AdamW(p, 0.01, weight_decay=0), lambda o: lrs.CosineAnnealingLR(o, 8, 0.001))

# ---- clipping
for name, clip in (
    ("clip_norm", lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5)),
    ("clip_norm.1", lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5, 1.0)),
    ("clip_value", lambda p: torch.nn.utils.clip_grad_value_(p, 0.1)),
):
    p, q = leaf("m"), leaf("w")
    p.matmul(q).square().sum().backward()
    norm = clip([p, q])
    outputs[f"{name}.p"], outputs[f"{name}.q"] = p.grad, q.grad
    if norm is not None:
        outputs[f"{name}.norm"] = norm

# ---- a transformer of two layers: three training steps
weights = {name: leaf(name) for name in inputs if name.startswith("t.")}
layers, heads, width = 2, 2, 8


def forward(tokens):
    batch, length = tokens.shape
    x = F.embedding(tokens, weights["t.wte"]) + weights["t.wpe"][:length]
    causal = torch.ones(length, length).tril() == 0
    for i in range(layers):
        w = {name[4:]: value for name, value in weights.items() if name.startswith(f"t.{i}.")}
        h = F.layer_norm(x, [width], w["ln1.w"], w["ln1.b"])
        q, k, v = (part.view(batch, length, heads, -1).transpose(1, 2) for part in F.linear(h, w["qkv.w"], w["qkv.b"]).chunk(3, -1))
        scores = (q.matmul(k.transpose(-2, -1)) / (width // heads) ** 0.5).masked_fill(causal, -1e9).softmax(-1)
        x = x + F.linear(scores.matmul(v).transpose(1, 2).reshape(batch, length, width), w["out.w"], w["out.b"])
        h = F.layer_norm(x, [width], w["ln2.w"], w["ln2.b"])
        x = x + F.linear(F.gelu(F.linear(h, w["up.w"], w["up.b"])), w["down.w"], w["down.b"])
    return F.linear(F.layer_norm(x, [width], weights["t.ln.w"], weights["t.ln.b"]), weights["t.wte"])


tokens = inputs["tokens"]
optimizer = optim.AdamW(weights.values(), 0.01, weight_decay=0.1)
for step in range(3):
    optimizer.zero_grad()
    logits = forward(tokens[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
    if step == 0:
        outputs["transformer.logits"] = logits
        outputs.update({f"transformer.grad.{name}": tensor.grad.clone() for name, tensor in weights.items()})
    outputs[f"transformer.loss.{step}"], outputs[f"transformer.norm.{step}"] = loss, norm
    optimizer.step()

write(sys.argv[2], outputs)
