"""
One PPO iteration in the manner of TRL 0.4: a policy with a value head on its own trunk, a frozen reference, generation with a key/value
cache, one pass of both models for log-probabilities and values over whole padded sequences with the full output matrix, then epochs of
mini-batches with clipped losses and Adam. The reward is a function of the tokens, so that no reward model is timed.
"""
import copy
import re
import time

import torch
from torch import nn
from torch.nn import functional as F

from gpt import CONFIGS, Gpt, decode
from protocol import serve

made = {}
CLIP, VALUE_CLIP, VALUE_WEIGHT, KL, LAMBDA = 0.2, 0.2, 0.1, 0.2, 0.95


class Policy(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gpt = Gpt(config)
        self.value = nn.Linear(CONFIGS[config]["width"], 1)

    def forward(self, ids):
        hidden = self.gpt.hidden(ids)
        return self.gpt.head(hidden), self.value(hidden).squeeze(-1)


def logprobs_of(logits, ids):
    """log-probabilities of the tokens ids[:, 1:], [B, T - 1]."""
    return F.log_softmax(logits[:, :-1].float(), dim=-1).gather(2, ids[:, 1:, None]).squeeze(-1)


def entropy_of(logits):
    probabilities = F.softmax(logits, dim=-1)
    return torch.logsumexp(logits, dim=-1) - (probabilities * logits).sum(-1)


def advantages_of(values_BT, rewards_BT):
    advantages, last = [], 0
    for t in reversed(range(rewards_BT.shape[1])):
        following = values_BT[:, t + 1] if t + 1 < rewards_BT.shape[1] else 0.0
        last = rewards_BT[:, t] + following - values_BT[:, t] + LAMBDA * last
        advantages.append(last)
    advantages = torch.stack(advantages[::-1], dim=1)
    returns = advantages + values_BT
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8), returns


def peak_memory():
    """Most memory that this process has held, MiB."""
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def iterate(config, dtype, batch, prompt_tokens, new_tokens, epochs, minibatch):
    """Seconds by the clock and of processor time. By the clock: of sampling, of the log-probabilities and values, of the reward, of the optimisation, and of all; dtype is that of the weights."""
    if (config, dtype) not in made:
        torch.manual_seed(1)
        policy = Policy(config).to(torch.bfloat16 if dtype == "bf16" else torch.float32)
        reference = copy.deepcopy(policy.gpt).eval().requires_grad_(False)
        made[config, dtype] = policy, reference, torch.optim.Adam(policy.parameters(), lr=1.41e-5)
    policy, reference, optimizer = made[config, dtype]
    prompts = torch.randint(CONFIGS[config]["vocab"], (batch, prompt_tokens))
    draw = lambda logits: torch.multinomial(F.softmax(logits.float(), dim=-1), 1)
    begin, begin_cpu = time.perf_counter(), time.process_time()

    with torch.no_grad():
        ids, _, sampled = decode(policy.gpt, prompts, new_tokens, draw, time.perf_counter)
        response = slice(prompt_tokens - 1, prompt_tokens + new_tokens - 1)
        logprobs, values, reference_logprobs = [], [], []
        for rows in ids.split(minibatch):
            logits, value = policy(rows)
            logprobs.append(logprobs_of(logits, rows)[:, response])
            values.append(value[:, :-1][:, response].float())
            reference_logprobs.append(logprobs_of(reference(rows), rows)[:, response])
        logprobs, values, reference_logprobs = torch.cat(logprobs), torch.cat(values), torch.cat(reference_logprobs)
        rewards = -KL * (logprobs - reference_logprobs)
        scored = time.perf_counter()
        rewards[:, -1] += (ids[:, prompt_tokens:] % 2 == 0).float().mean(1)
        reward_seconds = time.perf_counter() - scored
        advantages, returns = advantages_of(values, rewards)
    observed, observed_cpu = time.perf_counter(), time.process_time()

    for _ in range(epochs):
        for rows in torch.randperm(batch).split(minibatch):
            logits, value = policy(ids[rows])
            new_logprobs = logprobs_of(logits, ids[rows])[:, response]
            value = value[:, :-1][:, response].float()
            ratio = torch.exp(new_logprobs - logprobs[rows])
            gain = advantages[rows]
            policy_loss = torch.max(-gain * ratio, -gain * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
            clipped = torch.min(torch.max(value, values[rows] - VALUE_CLIP), values[rows] + VALUE_CLIP)
            value_loss = 0.5 * torch.max((value - returns[rows]) ** 2, (clipped - returns[rows]) ** 2).mean()
            loss = policy_loss + VALUE_WEIGHT * value_loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                entropy_of(logits[:, :-1].detach()).mean()
    end = time.perf_counter()
    return {
        "sample": sampled - begin,
        "log-probs": observed - sampled - reward_seconds,
        "reward": reward_seconds,
        "optimise": end - observed,
        "all": end - begin,
        "cpu before": observed_cpu - begin_cpu,
        "cpu optimise": time.process_time() - observed_cpu,
        "peak": peak_memory(),
    }


serve({"iterate": iterate})
