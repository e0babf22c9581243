#include "../../src/kernels/gather_heads.cu"

#include "kernel_data.h"
#include "pal/nn/rope.h"

namespace pal::kernels {
namespace {

template <typename T>
struct Cuda {
  using Number = T;
  static void gather(const std::array<GatherHeads<T>, 3>& parts) { gather_heads(parts, nullptr); }
  static void scatter(const ScatterHeads<T>& p) { scatter_heads(p, nullptr); }
};
template <typename T>
struct Cpu {
  using Number = T;
  static void gather(const std::array<GatherHeads<T>, 3>& parts) { gather_heads_cpu(parts); }
  static void scatter(const ScatterHeads<T>& p) { scatter_heads_cpu(p); }
};

template <typename Run>
class GatherHeadsKernel : public testing::Test {};
using Types = testing::Types<Cuda<float>, Cuda<Bf16>, Cpu<float>, Cpu<double>>;
TYPED_TEST_SUITE(GatherHeadsKernel, Types);

// Rows and audio in products of their own, wider than the heads that are read; angles of any size.
template <typename T>
struct Data {
  int64_t heads, dim, gap;
  torch::Tensor products[2], cos[2], sin[2];

  Data(int64_t rows, int64_t audio, int64_t heads, int64_t dim, int64_t gap) : heads(heads), dim(dim), gap(gap) {
    for (int i = 0; i < 2; ++i) {
      const int64_t slots = i == 0 ? rows : audio;
      products[i] = random<T>({slots, gap + heads * dim + 8});
      const auto angles = torch::randn({slots, dim / 2}, torch::kFloat64) * 10;
      cos[i] = angles.cos().to(kTorchType<T>), sin[i] = angles.sin().to(kTorchType<T>);
    }
  }
  HeadSlots<T> slots(int i, const torch::Tensor& product, bool rotate = true) const {
    const auto heads = product.slice(1, gap);
    return {.heads = pointer<T>(heads), .cos = rotate ? pointer<T>(cos[i]) : nullptr, .sin = rotate ? pointer<T>(sin[i]) : nullptr, .slots = product.size(0), .pitch = product.size(1)};
  }
  // The same in float64, by what nn computes without this kernel. products: two of float64.
  torch::Tensor expected(const std::vector<torch::Tensor>& products, const std::vector<int64_t>& index, bool rotate = true) const {
    std::vector<torch::Tensor> parts;
    for (int i = 0; i < 2; ++i) {
      const auto x = products[std::size_t(i)].slice(1, gap, gap + heads * dim).reshape({products[std::size_t(i)].size(0), heads, dim});
      parts.push_back(rotate ? apply_rope(x, {cos[i].to(torch::kFloat64).unsqueeze(1), sin[i].to(torch::kFloat64).unsqueeze(1)}) : x);
    }
    return torch::cat(parts).index_select(0, torch::tensor(index, torch::kInt64));
  }
};

struct Case {
  int64_t rows, audio, heads, dim, gap;
};
const Case kCases[] = {{4, 3, 2, 16, 8}, {3, 0, 3, 64, 0}, {2, 5, 1, 6, 3}, {1, 2, 2, 2, 1}};

// Slots as runs of rows read them: some twice, one never.
std::vector<int64_t> uneven_index(int64_t slots) {
  std::vector<int64_t> index;
  for (int64_t s = 0; s + 1 < slots; ++s) index.push_back(s);
  for (int64_t s = 0; s < slots / 2; ++s) index.push_back(s);
  return index;
}

TYPED_TEST(GatherHeadsKernel, ForwardAndBackwardEqualFloat64) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  for (const auto& c : kCases)
    for (const bool rotate : {true, false})
      for (const bool in_order : {true, false}) {
        SCOPED_TRACE(testing::Message() << c.dim << " " << rotate << " " << in_order);
        const Data<T> data(c.rows, c.audio, c.heads, c.dim, c.gap);
        const int64_t slots = c.rows + c.audio;
        std::vector<int64_t> index(static_cast<std::size_t>(slots));
        std::iota(index.begin(), index.end(), 0);
        if (!in_order) index = uneven_index(slots);
        const auto index_tensor = torch::tensor(index, torch::kInt64);
        const auto count = int64_t(index.size());

        // What is tested between two others: the rows alone, and nothing.
        const auto out = poisoned<T>({count, c.heads, c.dim}), rows_out = poisoned<T>({c.rows, c.heads, c.dim});
        TypeParam::gather({GatherHeads<T>{.rows = data.slots(0, data.products[0], rotate), .audio = {}, .out = pointer<T>(rows_out), .out_slots = c.rows, .heads = c.heads, .head_dim = c.dim},
                           {.rows = data.slots(0, data.products[0], rotate), .audio = data.slots(1, data.products[1], rotate), .index = in_order ? nullptr : pointer<int64_t>(index_tensor), .out = pointer<T>(out),
                            .out_slots = count, .heads = c.heads, .head_dim = c.dim},
                           {}});
        std::vector<torch::Tensor> wide;
        for (const auto& product : data.products) wide.push_back(product.to(torch::kFloat64).requires_grad_());
        const auto expected = data.expected(wide, index, rotate);
        if (count > 0) EXPECT_LT(relative_distance(out, expected), kTolerance<T>);
        std::vector<int64_t> rows(static_cast<std::size_t>(c.rows));
        std::iota(rows.begin(), rows.end(), 0);
        EXPECT_LT(relative_distance(rows_out, data.expected({wide[0].detach(), wide[1].detach()}, rows, rotate)), kTolerance<T>);

        // The readers of each slot, in order.
        std::vector<int64_t> starts{0}, readers;
        for (int64_t s = 0; s < slots; ++s) {
          for (int64_t j = 0; j < count; ++j)
            if (index[std::size_t(j)] == s) readers.push_back(j);
          starts.push_back(int64_t(readers.size()));
        }
        const auto d = random<T>({count, c.heads, c.dim});
        expected.backward(d.to(torch::kFloat64));
        const auto starts_tensor = torch::tensor(starts, torch::kInt64), readers_tensor = torch::tensor(readers, torch::kInt64);
        const torch::Tensor gradients[2] = {poisoned<T>(data.products[0].sizes()), poisoned<T>(data.products[1].sizes())};
        TypeParam::scatter({.out_gradient = pointer<T>(d), .reader_starts = in_order ? nullptr : pointer<int64_t>(starts_tensor), .readers = pointer<int64_t>(readers_tensor),
                          .rows = data.slots(0, gradients[0], rotate), .audio = data.slots(1, gradients[1], rotate), .heads = c.heads, .head_dim = c.dim});
        for (int i = 0; i < 2; ++i) {
          if (gradients[i].size(0) == 0) continue;
          const auto of_heads = gradients[i].slice(1, c.gap, c.gap + c.heads * c.dim), wanted = wide[std::size_t(i)].grad().slice(1, c.gap, c.gap + c.heads * c.dim);
          EXPECT_LT(relative_distance(of_heads, wanted), kTolerance<T>);
          EXPECT_TRUE(gradients[i].slice(1, 0, c.gap).isnan().all().template item<bool>());  // other heads' are left alone
        }
      }
}

TYPED_TEST(GatherHeadsKernel, SlotsGoToTheirPlacesAndOthersAreLeftAlone) {
  using T = typename TypeParam::Number;
  torch::manual_seed(1);
  for (const auto& c : kCases)
    for (const bool rotate : {true, false}) {
      SCOPED_TRACE(testing::Message() << c.dim << " " << rotate);
      const Data<T> data(c.rows, c.audio, c.heads, c.dim, c.gap);
      const auto places = torch::randperm(3 * c.rows, torch::kInt64).slice(0, 0, c.rows).contiguous();
      const auto cache = poisoned<T>({3 * c.rows, c.heads, c.dim}), other = poisoned<T>({3 * c.rows, c.heads, c.dim}), in_order = poisoned<T>({c.rows, c.heads, c.dim});
      const auto part = [&](const torch::Tensor& out, const torch::Tensor& to) {
        return GatherHeads<T>{.rows = data.slots(0, data.products[0], rotate), .audio = {}, .places = to.defined() ? pointer<int64_t>(to) : nullptr, .out = pointer<T>(out), .out_slots = c.rows, .heads = c.heads,
                              .head_dim = c.dim};
      };
      TypeParam::gather({part(in_order, {}), part(other, places), part(cache, places)});
      std::vector<int64_t> rows(static_cast<std::size_t>(c.rows));
      std::iota(rows.begin(), rows.end(), 0);
      const auto expected = data.expected({data.products[0].to(torch::kFloat64), data.products[1].to(torch::kFloat64)}, rows, rotate);
      EXPECT_LT(relative_distance(cache.index_select(0, places), expected), kTolerance<T>);
      EXPECT_LT(relative_distance(other.index_select(0, places), expected), kTolerance<T>);
      EXPECT_LT(relative_distance(in_order, expected), kTolerance<T>);
      EXPECT_EQ(cache.isnan().all(-1).all(-1).sum().template item<int64_t>(), 2 * c.rows);
    }
}

}  // namespace
}  // namespace pal::kernels
