"""A training step as one would write it in Python: transformers' Llama, a linear layer for the audio, fused AdamW, random weights.

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


class Work:
    def __init__(self, work):
        self.work = work
        self.device, dtype = torch.device(work["device"]), getattr(torch, work["dtype"])
        torch.manual_seed(0)
        config = transformers.AutoConfig.for_model(**work["llm"])
        with self.device:
            self.llm = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype).train()
            self.projection = torch.nn.Linear(work["audio_width"], config.hidden_size, dtype=dtype)
            self.features = torch.randn(work["samples"], work["audio_tokens"], work["audio_width"], dtype=dtype)
            self.summary = torch.randn(work["samples"], work["summary_tokens"], work["audio_width"], dtype=dtype)
            self.tokens = torch.randint(0, config.vocab_size, (work["samples"], work["text_tokens"]))
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

    def seconds(self):
        self.synchronize()
        begin = time.perf_counter()
        self.step()
        self.synchronize()
        return time.perf_counter() - begin

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def main():
    work = json.loads(sys.stdin.readline())
    torch.set_num_threads(work["threads"])
    torch.set_float32_matmul_precision("high")
    run = Work(work)
    for _ in range(3):  # compiles, and settles
        run.step()
    result = {"step_seconds": [run.seconds() for _ in range(work["steps"])]}
    if run.device.type == "cuda":
        result["peak_bytes"] = torch.cuda.max_memory_allocated()
    result |= {"torch": torch.__version__, "transformers": transformers.__version__}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
