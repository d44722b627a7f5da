using System.Net;
using System.Net.Sockets;

namespace Rlhf.FaultCampaign.Tests;

public sealed class TcpProxyTests : IAsyncLifetime
{
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private TcpProxy _proxy = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _server.Start();
        _proxy = new TcpProxy(((IPEndPoint)_server.LocalEndpoint).Port);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _server.Stop();
    }

    [Fact]
    public async Task Flowing_MovesBytesBothWays()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port, Stop);
        using var server = await _server.AcceptTcpClientAsync(Stop);
        Assert.Equal(1, await SendAsync(client, server, 1));
        Assert.Equal(2, await SendAsync(server, client, 2));
    }

    [Fact]
    public async Task Refuse_EndsConnectionsAndTakesNoOther_UntilRestored()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port, Stop);
        using var server = await _server.AcceptTcpClientAsync(Stop);
        await SendAsync(client, server, 1);
        _proxy.Refuse();
        Assert.True(await HasEndedAsync(client));

        using var other = new TcpClient();
        await other.ConnectAsync(IPAddress.Loopback, _proxy.Port, Stop);
        Assert.True(await HasEndedAsync(other));

        _proxy.Restore();
        using var again = new TcpClient();
        await again.ConnectAsync(IPAddress.Loopback, _proxy.Port, Stop);
        using var accepted = await _server.AcceptTcpClientAsync(Stop);
        Assert.Equal(3, await SendAsync(again, accepted, 3));
    }

    [Fact]
    public async Task Stall_KeepsWhatIsSent_UntilRestored()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port, Stop);
        using var server = await _server.AcceptTcpClientAsync(Stop);
        await SendAsync(client, server, 1);
        _proxy.Stall();
        await client.GetStream().WriteAsync(new byte[] { 9 }, Stop);
        var received = new byte[1];
        var receiving = server.GetStream().ReadExactlyAsync(received, Stop).AsTask();
        Assert.False(receiving.IsCompleted);

        _proxy.Restore();
        await receiving;
        Assert.Equal(9, received[0]);
    }

    private static async Task<byte> SendAsync(TcpClient from, TcpClient to, byte value)
    {
        await from.GetStream().WriteAsync(new[] { value }, Stop);
        var received = new byte[1];
        await to.GetStream().ReadExactlyAsync(received, Stop);
        return received[0];
    }

    private static async Task<bool> HasEndedAsync(TcpClient client)
    {
        try
        {
            return await client.GetStream().ReadAsync(new byte[1], Stop) == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
