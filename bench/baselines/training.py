"""A training step as in nanoGPT (cross-entropy over all positions, clipping at 1, AdamW), and one of a reward model on pairs."""
import contextlib
import time

import torch
from torch import nn
from torch.nn import functional as F

from gpt import CONFIGS, Gpt
from protocol import serve

made = {}


def precision(name):
    return torch.autocast("cpu", dtype=torch.bfloat16) if name == "bf16" else contextlib.nullcontext()


def step(parameters, optimizer, loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def train(config, dtype, batch, tokens):
    """One step of language modelling on random tokens."""
    if ("lm", config) not in made:
        torch.manual_seed(1)
        model = Gpt(config)
        made["lm", config] = model, torch.optim.AdamW(model.parameters(), lr=1e-4)
    model, optimizer = made["lm", config]
    vocab = CONFIGS[config]["vocab"]
    ids = torch.randint(vocab, (batch, tokens + 1))
    start = time.perf_counter()
    with precision(dtype):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.view(-1, vocab), ids[:, 1:].reshape(-1))
    step(model.parameters(), optimizer, loss)
    return {"all": time.perf_counter() - start, "loss": loss.item()}


def reward(config, dtype, pairs, tokens):
    """One step of a reward model: chosen and rejected in one batch, the score read at the last token."""
    if ("reward", config) not in made:
        torch.manual_seed(1)
        model = Gpt(config)
        score = nn.Linear(CONFIGS[config]["width"], 1, bias=False)
        parameters = [p for p in model.parameters()] + [p for p in score.parameters()]
        made["reward", config] = model, score, parameters, torch.optim.AdamW(parameters, lr=1e-5)
    model, score, parameters, optimizer = made["reward", config]
    ids = torch.randint(CONFIGS[config]["vocab"], (2 * pairs, tokens))
    start = time.perf_counter()
    with precision(dtype):
        scores = score(model.hidden(ids)[:, -1]).squeeze(-1)
        loss = -F.logsigmoid(scores[:pairs] - scores[pairs:]).mean()
    step(parameters, optimizer, loss)
    return {"all": time.perf_counter() - start, "loss": loss.item()}


serve({"train": train, "reward": reward})
