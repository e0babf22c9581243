#include "pal/nn/activation_checkpoint.h"

namespace pal {

namespace {

using Block = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the backward needs beside the saved tensors; the context holds it by a custom class, as IValues must.
struct BlockHolder : torch::CustomClassHolder {
  Block block;
  std::size_t inputs = 0;
};

struct Checkpoint : torch::autograd::Function<Checkpoint> {
  // tensors: the block's inputs, then its parameters (which are only here to receive their gradients).
  static torch::Tensor forward(AutogradContext* ctx, c10::intrusive_ptr<BlockHolder> holder, at::TensorList tensors) {
    const variable_list all(tensors.begin(), tensors.end());
    ctx->save_for_backward(all);
    ctx->saved_data["block"] = torch::IValue::make_capsule(holder);
    torch::NoGradGuard no_grad;
    return holder->block({all.begin(), all.begin() + std::ptrdiff_t(holder->inputs)});
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto holder = c10::static_intrusive_pointer_cast<BlockHolder>(ctx->saved_data["block"].toCapsule());
    variable_list inputs, wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < saved.size(); ++i) {
      const bool is_input = i < holder->inputs;
      const auto tensor =
          is_input ? saved[i].detach().requires_grad_(saved[i].requires_grad()) : saved[i];
      if (is_input) inputs.push_back(tensor);
      if (tensor.requires_grad()) wanted.push_back(tensor), places.push_back(i);
    }
    torch::Tensor output;
    {
      torch::AutoGradMode record(true);
      output = holder->block(inputs);
    }
    const auto found = torch::autograd::grad({output}, wanted, {gradients[0]}, /*retain_graph=*/false,
                                             /*create_graph=*/false, /*allow_unused=*/true);
    variable_list result(saved.size() + 1);  // the holder's place comes first
    for (std::size_t i = 0; i < places.size(); ++i) result[places[i] + 1] = found[i];
    return result;
  }
};

}  // namespace

torch::Tensor checkpointed(const Block& block, const std::vector<torch::Tensor>& inputs,
                           const std::vector<torch::Tensor>& parameters) {
  if (!torch::GradMode::is_enabled()) return block(inputs);
  auto holder = c10::make_intrusive<BlockHolder>();
  holder->block = block;
  holder->inputs = inputs.size();
  variable_list all = inputs;
  all.insert(all.end(), parameters.begin(), parameters.end());
  return Checkpoint::apply(holder, at::TensorList(all));
}

}  // namespace pal
