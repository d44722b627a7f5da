"""
GPT-2 (Radford et al. 2019) in eager PyTorch, as people write it for one machine: fused query/key/value projection, attention written
out with a causal mask, GELU in its tanh form, output matrix tied to the embeddings. B batch, T tokens, C width, H heads, V vocabulary.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

CONFIGS = {
    "gpt2": dict(layers=12, width=768, heads=12, vocab=50257),
    "small": dict(layers=6, width=384, heads=6, vocab=8192),
}
POSITIONS = 1024


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        mask = torch.tril(torch.ones(POSITIONS, POSITIONS, dtype=torch.bool)).view(1, 1, POSITIONS, POSITIONS)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x, past=None):
        batch, tokens, width = x.shape
        q, k, v = (
            part.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2) for part in self.qkv(x).split(width, dim=2)
        )
        if past is not None:
            k, v = past.append(k, v)
        before = k.shape[2] - tokens
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.shape[-1]))
        scores = scores.masked_fill(~self.mask[:, :, before : before + tokens, : before + tokens], float("-inf"))
        mixed = F.softmax(scores, dim=-1) @ v
        return self.out(mixed.transpose(1, 2).contiguous().view(batch, tokens, width))


class LayerCache:
    """Keys and values of one layer, in memory that is taken once."""

    def __init__(self, batch, heads, length, head_width, dtype):
        self.keys = torch.empty(batch, heads, length, head_width, dtype=dtype)
        self.values = torch.empty(batch, heads, length, head_width, dtype=dtype)
        self.length = 0

    def append(self, k, v):
        end = self.length + k.shape[2]
        self.keys[:, :, self.length : end] = k
        self.values[:, :, self.length : end] = v
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.gelu = nn.GELU(approximate="tanh")

    def forward(self, x, past=None):
        x = x + self.attention(self.norm1(x), past)
        return x + self.down(self.gelu(self.up(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, name):
        super().__init__()
        shape = CONFIGS[name]
        self.shape = shape
        width = shape["width"]
        self.tokens = nn.Embedding(shape["vocab"], width)
        self.positions = nn.Embedding(POSITIONS, width)
        self.blocks = nn.ModuleList(Block(width, shape["heads"]) for _ in range(shape["layers"]))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, shape["vocab"], bias=False)
        self.head.weight = self.tokens.weight
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def hidden(self, ids, past=None):
        start = past[0].length if past else 0
        x = self.tokens(ids) + self.positions(torch.arange(start, start + ids.shape[1]))
        for i, block in enumerate(self.blocks):
            x = block(x, past[i] if past else None)
        return self.norm(x)

    def forward(self, ids, past=None):
        return self.head(self.hidden(ids, past))

    def cache(self, batch, length, dtype):
        shape = self.shape
        return [LayerCache(batch, shape["heads"], length, shape["width"] // shape["heads"], dtype) for _ in self.blocks]


def decode(model, prompts_BT, new_tokens, choose, clock):
    """A loop with cached keys and values; returns ids [B, T + new] and the times (after the prompts, at the end)."""
    dtype = model.tokens.weight.dtype
    if torch.is_autocast_cpu_enabled():
        dtype = torch.bfloat16
    past = model.cache(prompts_BT.shape[0], prompts_BT.shape[1] + new_tokens, dtype)
    logits = model.head(model.hidden(prompts_BT, past)[:, -1])
    read = clock()
    ids = [prompts_BT, choose(logits)]
    for _ in range(new_tokens - 1):
        ids.append(choose(model.head(model.hidden(ids[-1], past)[:, -1])))
    return torch.cat(ids, dim=1), read, clock()
