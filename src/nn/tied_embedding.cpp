#include "pal/nn/tied_embedding.h"

#include "kernel_call.h"
#include "pal/core/check.h"
#include "pal/kernels/add_rows.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// table[ids] += rows
void add_rows(const torch::Tensor& table, const torch::Tensor& ids, const torch::Tensor& rows) {
  PAL_ASSERT(table.is_contiguous() && table.scalar_type() == rows.scalar_type(), "the head's gradient must be one that can be added to");
  if (table.is_cpu()) {
    table.index_add_(0, ids, rows);
    return;
  }
  if (!has_cuda_kernels(table)) {  // index_add_ has no order there
    table.add_(torch::embedding_dense_backward(rows, ids, table.size(0), /*padding_idx=*/-1, /*scale_grad_by_freq=*/false));
    return;
  }
  const auto describe = [&]<typename T>(T) { return kernels::AddRows<T>{numbers<T>(rows), numbers<int64_t>(ids), numbers<T>(table), rows.size(0), rows.size(1)}; };
  run_kernel(table, [&](auto t, kernels::Stream stream) { kernels::add_rows(describe(t), stream); }, [](auto) {});
  torch::autograd::impl::bump_version(table);  // as operators do that write in place
}

struct TiedEmbedding : torch::autograd::Function<TiedEmbedding> {
  static variable_list forward(AutogradContext* ctx, const torch::Tensor& weight, const torch::Tensor& ids) {
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({ids});
    ctx->saved_data["vocabulary"] = weight.size(0);
    return {torch::embedding(weight, ids), weight.detach()};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto ids = ctx->get_saved_variables()[0];
    const auto &rows = gradients[0], &head = gradients[1];
    if (!rows.defined()) return {head, {}};
    if (!head.defined()) return {torch::embedding_dense_backward(rows, ids, ctx->saved_data["vocabulary"].toInt(), /*padding_idx=*/-1, /*scale_grad_by_freq=*/false), {}};
    // Whoever made it is done with it: a backward that is run again finds that what it kept was written to, and says so.
    add_rows(head, ids.contiguous(), rows.contiguous());
    return {head, {}};
  }
};

}  // namespace

EmbeddedTokens tied_embedding(const torch::Tensor& weight, const torch::Tensor& ids) {
  const auto both = TiedEmbedding::apply(weight, ids);
  return {both[0], both[1]};
}

}  // namespace pal
