#include "renamed_source.h"

#include <ranges>

#include "pal/core/check.h"

namespace pal {

std::vector<std::string> RenamedSource::names() const {
  const auto keys = std::views::keys(origins_);
  return {keys.begin(), keys.end()};
}

const TensorOrigin& RenamedSource::origin(const std::string& name) const {
  const auto found = origins_.find(name);
  PAL_CHECK(found != origins_.end(), "{}: has no tensor for '{}'", describe(), name);
  return found->second;
}

TensorInfo RenamedSource::info(const std::string& name) const {
  const auto& from = origin(name);
  auto info = source_->info(from.name);
  if (from.parts == 1) return info;
  PAL_CHECK(!info.shape.empty() && info.shape[0] % from.parts == 0, "{}: '{}' has no rows for {} equal parts", describe(), from.name,
            from.parts);
  info.shape[0] /= from.parts;
  return info;
}

std::int64_t RenamedSource::first_row(const TensorOrigin& from) const {
  return source_->info(from.name).shape[0] / from.parts * from.part;
}

torch::Tensor RenamedSource::load(const std::string& name) const {
  const auto& from = origin(name);
  if (from.parts == 1) return source_->load(from.name);
  const auto rows = info(name).shape[0];
  return source_->load(from.name).narrow(0, first_row(from), rows).clone();
}

void RenamedSource::read(const std::string& name, std::int64_t begin, const torch::Tensor& out) const {
  const auto& from = origin(name);
  if (from.parts == 1) return source_->read(from.name, begin, out);
  TensorSource::read(name, begin, out);  // a part need not begin where the file can be read from
}

}  // namespace pal
