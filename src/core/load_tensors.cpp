#include "pal/core/load_tensors.h"

#include <c10/core/InferenceMode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "pal/core/name_pattern.h"
#include "pal/core/run_tasks.h"
#include "scalar_types.h"

namespace pal {

namespace {

// Elements read at once: long enough for a disk, short enough to be forgotten beside the weights. A multiple of all GGUF blocks.
constexpr std::int64_t kPiece = 1 << 19;

// Threads that read. More than processors: most of the time they wait, for the disk or for the system to provide memory.
constexpr int kReaders = 16;

// Whether elements of one type are converted to the other: floats of any width among each other, and so integers.
bool is_convertible(DType stored, torch::ScalarType wanted) {
  const auto type = scalar_type(stored);
  if (c10::isFloatingType(wanted)) return c10::isFloatingType(type);
  return c10::isIntegralType(type, /*includeBool=*/false) == c10::isIntegralType(wanted, false) && !c10::isFloatingType(type);
}

std::string stored_text(const TensorInfo& info) {
  return fmt::format("{} {}", shape_text(info.shape), dtype_name(info.dtype));
}

std::string wanted_text(const torch::Tensor& value, bool with_kind) {
  const auto kind = c10::isFloatingType(value.scalar_type()) ? " F64, F32, F16 or BF16" : " integers";
  return shape_text(value.sizes()) + (with_kind ? kind : "");
}

LoadLine compare_wanted(const WantedTensor& wanted, const TensorSource& source) {
  if (!source.has(wanted.name)) return {LoadFate::kMissing, wanted.name, wanted_text(wanted.value, false), "", ""};
  const auto info = source.info(wanted.name);
  const auto fate = wanted.value.sizes() != at::IntArrayRef(info.shape)            ? LoadFate::kShape
                    : !is_convertible(info.dtype, wanted.value.scalar_type()) ? LoadFate::kType
                                                                              : LoadFate::kMatched;
  return {fate, wanted.name, wanted_text(wanted.value, fate == LoadFate::kType), stored_text(info), ""};
}

LoadLine compare_other(const std::string& name, const std::vector<OtherTensors>& others, const TensorSource& source) {
  const auto known =
      std::ranges::find_if(others, [&](const OtherTensors& other) { return matches_pattern(other.pattern, name); });
  const auto found = stored_text(source.info(name));
  if (known == others.end()) return {LoadFate::kUnexpected, name, "", found, ""};
  return {known->fate, name, "", found, known->note};
}

// Some elements of a tensor, or all.
struct Piece {
  TensorPlace place;  // of the tensor
  const WantedTensor* wanted;
  std::int64_t begin, elements;
};

// In the order of the file, so that disks read on.
std::vector<Piece> pieces_of(const LoadPlan& plan, const TensorSource& source) {
  std::vector<Piece> pieces;
  for (const auto& wanted : plan.wanted) {
    const auto place = source.place(wanted.name);
    const std::int64_t all = wanted.value.numel();
    const std::int64_t most = place.is_divisible && !wanted.rearrange && wanted.value.is_contiguous() ? kPiece : all;
    for (std::int64_t begin = 0; begin < all; begin += most)
      pieces.push_back({place, &wanted, begin, std::min(most, all - begin)});
  }
  std::ranges::stable_sort(pieces, {}, [](const Piece& p) { return std::tuple(p.place.file, p.place.begin, p.begin); });
  return pieces;
}

void fill(const Piece& piece, const TensorSource& source) {
  const auto& [name, value, rearrange] = *piece.wanted;
  const c10::InferenceMode mode(value.is_inference());  // such a tensor may be filled only there, and a thread knows nothing of its caller
  // Detached, for threads that know nothing of a NoGradGuard.
  const auto target = value.detach();
  if (rearrange) {
    target.copy_(rearrange(source.load(name)));
  } else if (!target.is_contiguous()) {
    target.copy_(source.load(name));
  } else {
    source.read(name, piece.begin, target.view(-1).slice(0, piece.begin, piece.begin + piece.elements));
  }
}

// Every thread takes the next piece of the file, so that all of them read near each other.
void fill_all(const LoadPlan& plan, const TensorSource& source) {
  const auto pieces = pieces_of(plan, source);
  run_tasks(std::int64_t(pieces.size()), kReaders, [&](std::int64_t i) { fill(pieces[std::size_t(i)], source); });
}

}  // namespace

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

LoadReport compare_tensors(const LoadPlan& plan, const TensorSource& source) {
  LoadReport report(source.describe(), plan.what);
  std::set<std::string> used;
  for (const auto& wanted : plan.wanted) {
    report.add(compare_wanted(wanted, source));
    used.insert(wanted.name);
  }
  for (const auto& name : source.names())
    if (!used.contains(name)) report.add(compare_other(name, plan.others, source));
  for (const auto& [name, note] : source.left_out()) report.add({LoadFate::kSkipped, name, "", "", note});
  return report;
}

LoadReport load_tensors(const LoadPlan& plan, const TensorSource& source) {
  auto report = compare_tensors(plan, source);
  report.check();
  fill_all(plan, source);
  report.log();
  return report;
}

}  // namespace pal
