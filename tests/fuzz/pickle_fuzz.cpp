// The pickle inside of torch.save()'s files, without the zip file around it, whose checksums would refuse most inputs.
#include "../../src/core/torch_pickle.h"
#include "fuzz_input.h"

namespace {

// One byte makes a value of some 100 bytes, in a list that grows.
constexpr pal::fuzz::Allowance kAllowance{1 << 20, 512};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { pal::read_torch_pickle(std::as_bytes(std::span(input)), "data.pkl"); });
}
