"""Training steps and answers as one would write them in Python: transformers' Llama, a linear layer for the audio, fused AdamW, random weights.

pal-bench --peer runs it: one JSON object on stdin says what to do, one on stdout says what it took."""

import json
import sys
import time

import torch
import torch.nn.functional as F
import transformers
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

IGNORED = -100  # a label that is no target


class Plits(torch.nn.Module):
    """Audio tokens before the text, in one sequence."""

    def __init__(self, llm):
        super().__init__()
        self.llm = llm

    def forward(self, audio, rows, labels):
        sequence = torch.cat([audio, rows], dim=1)
        return self.llm(inputs_embeds=sequence, labels=F.pad(labels, (audio.shape[1], 0), value=IGNORED), use_cache=False).loss


class Lal(torch.nn.Module):
    """Audio as keys and values of some layers. Rows are summary tokens and text; their position ids come after the audio's."""

    def __init__(self, llm, layers, audio_tokens, row_tokens, summary_tokens):
        super().__init__()
        self.llm, self.layers, self.summary_tokens = llm, set(layers), summary_tokens
        device = llm.model.embed_tokens.weight.device
        self.positions = torch.arange(audio_tokens + row_tokens, device=device)[None]
        self.audio_tokens = audio_tokens
        causal = torch.ones(row_tokens, row_tokens, dtype=torch.bool, device=device).tril()
        self.mask = F.pad(causal, (audio_tokens, 0), value=True)

    def attend(self, attention, rows, audio, rope):
        def heads(x):
            return x.unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)

        cos, sin = rope
        queries, keys, values = heads(attention.q_proj(rows)), heads(attention.k_proj(rows)), heads(attention.v_proj(rows))
        queries, keys = apply_rotary_pos_emb(queries, keys, cos[:, self.audio_tokens:], sin[:, self.audio_tokens:])
        if audio is None:
            mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
        else:
            audio_keys = heads(attention.k_proj(audio))
            audio_keys, _ = apply_rotary_pos_emb(audio_keys, audio_keys, cos[:, :self.audio_tokens], sin[:, :self.audio_tokens])
            keys, values = torch.cat([audio_keys, keys], dim=2), torch.cat([heads(attention.v_proj(audio)), values], dim=2)
            mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=self.mask, enable_gqa=True)
        return attention.o_proj(mixed.transpose(1, 2).flatten(2))

    def forward(self, audio, rows, labels):
        rope = self.llm.model.rotary_emb(rows, self.positions)
        for i, layer in enumerate(self.llm.model.layers):
            heard = layer.input_layernorm(audio) if i in self.layers else None
            rows = rows + self.attend(layer.self_attn, layer.input_layernorm(rows), heard, rope)
            rows = rows + layer.mlp(layer.post_attention_layernorm(rows))
        text = self.llm.model.norm(rows)[:, self.summary_tokens:-1]
        return F.cross_entropy(self.llm.lm_head(text).float().flatten(0, 1), labels[:, 1:].flatten())


def llama_of(work):
    device, dtype = torch.device(work["device"]), getattr(torch, work["dtype"])
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(**work["llm"])
    with device:
        return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype)


def synchronize(work):
    if work["device"].startswith("cuda"):
        torch.cuda.synchronize()


def seconds(work, what):
    synchronize(work)
    begin = time.perf_counter()
    what()
    synchronize(work)
    return time.perf_counter() - begin


class Training:
    def __init__(self, work):
        self.work = work
        self.llm = llama_of(work).train()
        width, like = self.llm.config.hidden_size, {"device": work["device"], "dtype": self.llm.dtype}
        self.projection = torch.nn.Linear(work["audio_width"], width, **like)
        self.features = torch.randn(work["samples"], work["audio_tokens"], work["audio_width"], **like)
        self.summary = torch.randn(work["samples"], work["summary_tokens"], work["audio_width"], **like)
        self.tokens = torch.randint(0, self.llm.config.vocab_size, (work["samples"], work["text_tokens"]), device=work["device"])
        trained = set(work["trained"])
        for name, parameter in self.llm.named_parameters():
            parameter.requires_grad_(name in trained)
        if work["checkpoint"] and work["integration"] == "plits":
            self.llm.gradient_checkpointing_enable({"use_reentrant": False})
        parameters = [p for p in self.llm.parameters() if p.requires_grad] + list(self.projection.parameters())
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-6, weight_decay=work["weight_decay"], fused=True)
        rows = work["summary_tokens"] + work["text_tokens"]
        self.loss = Plits(self.llm) if work["integration"] == "plits" else Lal(self.llm, work["lal_layers"], work["audio_tokens"], rows, work["summary_tokens"])
        if work["compile"]:
            self.loss = torch.compile(self.loss)

    def step(self):
        rows = self.llm.model.embed_tokens(self.tokens)
        if self.work["summary_tokens"]:
            rows = torch.cat([self.projection(self.summary), rows], dim=1)
        self.loss(self.projection(self.features), rows, self.tokens).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def measure(self):
        for _ in range(3):  # compiles, and settles
            self.step()
        if self.work["device"].startswith("cuda"):
            torch.cuda.reset_peak_memory_stats()  # a step's alone
        times = [seconds(self.work, self.step) for _ in range(self.work["steps"])]
        return times, torch.cuda.max_memory_allocated() if self.work["device"].startswith("cuda") else None


class Generation:
    def __init__(self, work):
        self.work = work
        self.llm = llama_of(work).eval()
        self.rows = torch.randn(work["samples"], work["audio_tokens"] + work["text_tokens"], self.llm.config.hidden_size, device=work["device"], dtype=self.llm.dtype) * 0.02

    def answer(self, tokens):
        mask = torch.ones(self.rows.shape[:2], dtype=torch.long, device=self.rows.device)
        self.llm.generate(inputs_embeds=self.rows, attention_mask=mask, do_sample=False, max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0)

    def measure(self):
        cuda = self.work["device"].startswith("cuda")
        self.answer(min(8, self.work["new_tokens"]))  # settles
        before = torch.cuda.memory_allocated() if cuda else 0
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        times = [seconds(self.work, lambda: self.answer(self.work["new_tokens"])) for _ in range(self.work["runs"])]
        return times, torch.cuda.max_memory_allocated() - before if cuda else None


def main():
    work = json.loads(sys.stdin.readline())
    torch.set_num_threads(work["threads"])
    torch.set_float32_matmul_precision("high")
    times, peak = (Generation if "new_tokens" in work else Training)(work).measure()
    result = {"seconds": times, "torch": torch.__version__, "transformers": transformers.__version__}
    if peak is not None:
        result["peak_bytes"] = peak
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
