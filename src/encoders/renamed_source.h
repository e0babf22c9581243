// A file's tensors under other names.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pal/core/tensor_source.h"

namespace pal {

// Where a tensor comes from.
struct TensorOrigin {
  std::string name;               // in the file
  int part = 0, parts = 1;        // one of equal parts of its rows
};

// The tensors that `origins` names, and no other.
class RenamedSource : public TensorSource {
 public:
  // origins: by the new names; the file has all of them. left_out: what it holds beside them.
  RenamedSource(std::unique_ptr<TensorSource> source, std::map<std::string, TensorOrigin> origins, std::vector<LeftOutTensor> left_out)
      : source_(std::move(source)), origins_(std::move(origins)), left_out_(std::move(left_out)) {}

  std::vector<std::string> names() const override;
  bool has(const std::string& name) const override { return origins_.contains(name); }
  TensorInfo info(const std::string& name) const override;
  torch::Tensor load(const std::string& name) const override;
  void read(const std::string& name, std::int64_t begin, const torch::Tensor& out) const override;
  TensorPlace place(const std::string& name) const override { return source_->place(origin(name).name); }
  std::vector<LeftOutTensor> left_out() const override { return left_out_; }
  std::string describe() const override { return source_->describe(); }

 private:
  const TensorOrigin& origin(const std::string& name) const;
  std::int64_t first_row(const TensorOrigin& origin) const;  // of its part

  std::unique_ptr<TensorSource> source_;
  std::map<std::string, TensorOrigin> origins_;
  std::vector<LeftOutTensor> left_out_;
};

}  // namespace pal
