"""Greedy decoding with cached keys and values, written out."""
import time

import torch

from gpt import CONFIGS, Gpt, decode
from protocol import serve

made = {}


@torch.inference_mode()
def sample(config, dtype, batch, prompt_tokens, new_tokens):
    """Seconds of reading the prompts, and of all steps after them; dtype is that of the weights."""
    if (config, dtype) not in made:
        torch.manual_seed(1)
        made[config, dtype] = Gpt(config).to(torch.bfloat16 if dtype == "bf16" else torch.float32).eval()
    model = made[config, dtype]
    prompts = torch.randint(CONFIGS[config]["vocab"], (batch, prompt_tokens))
    start = time.perf_counter()
    _, read, end = decode(model, prompts, new_tokens, lambda logits: logits.argmax(-1, keepdim=True), time.perf_counter)
    return {"prefill": read - start, "decode": end - read}


serve({"sample": sample})
