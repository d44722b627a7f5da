"""
A training step as in nanoGPT (cross-entropy over all positions, clipping at 1, AdamW), and those of TRL's trainers: SFT on completions, a
reward model on pairs, DPO with the reference's log-probabilities computed beforehand.
"""
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


def language_model(task, config, lr):
    if (task, config) not in made:
        torch.manual_seed(1)
        model = Gpt(config)
        made[task, config] = model, torch.optim.AdamW(model.parameters(), lr=lr)
    return made[task, config]


def train(config, dtype, batch, tokens):
    """One step of language modelling on random tokens."""
    model, optimizer = language_model("train", config, 1e-4)
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


def sft(config, dtype, batch, prompt, completion):
    """One step on prompts with completions: logits at every position, those of the prompt have the label -100."""
    model, optimizer = language_model("sft", config, 1e-5)
    vocab = CONFIGS[config]["vocab"]
    ids = torch.randint(vocab, (batch, prompt + completion))
    labels = ids.clone()
    labels[:, :prompt] = -100
    start = time.perf_counter()
    with precision(dtype):
        logits = model(ids)
        loss = F.cross_entropy(logits[:, :-1].float().reshape(-1, vocab), labels[:, 1:].reshape(-1))
    step(model.parameters(), optimizer, loss)
    return {"all": time.perf_counter() - start, "loss": loss.item()}


def dpo(config, dtype, pairs, prompt, completion):
    """One step on pairs: chosen and rejected in one batch, sums of log-probabilities over the completions, the reference's given."""
    model, optimizer = language_model("dpo", config, 1e-6)
    ids = torch.randint(CONFIGS[config]["vocab"], (pairs, prompt)).repeat(2, 1)
    ids = torch.cat([ids, torch.randint(CONFIGS[config]["vocab"], (2 * pairs, completion))], dim=1)
    reference = torch.zeros(2 * pairs)
    start = time.perf_counter()
    with precision(dtype):
        logits = model(ids)
        logprobs = F.log_softmax(logits[:, :-1].float(), dim=-1).gather(2, ids[:, 1:, None]).squeeze(-1)
        ratios = logprobs[:, prompt - 1 :].sum(1) - reference
        loss = -F.logsigmoid(0.1 * (ratios[:pairs] - ratios[pairs:])).mean()
    step(model.parameters(), optimizer, loss)
    return {"all": time.perf_counter() - start, "loss": loss.item()}


serve({"train": train, "sft": sft, "reward": reward, "dpo": dpo})
