#include "pal/train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <chrono>
#include <cmath>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Numbers by formula: sin(a * i + b), in the shape asked for.
torch::Tensor wave(std::vector<std::int64_t> shape, double a, double b,
                   torch::Dtype dtype = torch::kFloat64) {
  const auto count = c10::multiply_integers(shape);
  return torch::sin(torch::arange(count, torch::kFloat64) * a + b).reshape(shape).to(dtype);
}

NamedParameter parameter(const std::string& name, torch::Tensor value, bool trained = true) {
  return {name, value.detach().clone().set_requires_grad(trained)};
}

std::vector<NamedParameter> make_parameters(torch::Dtype dtype = torch::kFloat64) {
  return {parameter("connectors.a.weight", wave({3, 5}, 0.7, 0.1, dtype)),
          parameter("connectors.a.bias", wave({5}, 0.3, 1.1, dtype)),
          parameter("llm.layers.0.weight", wave({4, 4}, 1.3, 0.5, dtype)),
          parameter("llm.norm.weight", wave({4}, 0.9, 0.2, dtype))};
}

void set_gradients(const std::vector<NamedParameter>& parameters, int step, double factor = 1.0) {
  for (const auto& [name, value] : parameters)
    value.mutable_grad() =
        (wave(value.sizes().vec(), 0.4 + 0.01 * double(name.size()), step) * factor).to(value.scalar_type());
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.detach().to(torch::kFloat64), y = b.detach().to(torch::kFloat64);
  return ((x - y).norm() / y.norm()).item<double>();
}

void expect_close(const std::vector<NamedParameter>& a, const std::vector<NamedParameter>& b,
                  double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_LE(distance(a[i].value, b[i].value), tolerance) << a[i].name;
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

const AdamWOptions kOptions{
    .learning_rate = 0.03, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1};

TEST(AdamW, EqualsLibTorchsAdamWWithItsTwoGroups) {
  for (bool fused : {false, true}) {
    auto ours = make_parameters(), theirs = make_parameters();
    AdamWOptions options = kOptions;
    options.fused = fused;
    AdamW optimizer(ours, options);
    const auto group = [&](std::vector<torch::Tensor> tensors, double decay) {
      auto settings = std::make_unique<torch::optim::AdamWOptions>(0.03);
      settings->betas({0.8, 0.95}).eps(1e-6).weight_decay(decay);
      return torch::optim::OptimizerParamGroup(std::move(tensors), std::move(settings));
    };
    torch::optim::AdamW judge({group({theirs[0].value, theirs[2].value}, 0.1),
                               group({theirs[1].value, theirs[3].value}, 0.0)});  // vectors do not decay
    for (int step = 0; step < 25; ++step) {
      set_gradients(ours, step);
      set_gradients(theirs, step);
      optimizer.step();
      judge.step();
    }
    expect_close(ours, theirs, 1e-12);  // float64, another order of operations
    EXPECT_GT(distance(ours[0].value, make_parameters()[0].value), 0.1);
  }
}

TEST(AdamW, FusedEqualsTheReference) {
  for (auto [dtype, tolerance] : {std::pair(torch::kFloat64, 1e-12), std::pair(torch::kFloat32, 1e-5)}) {
    auto fused = make_parameters(dtype), plain = make_parameters(dtype);
    AdamWOptions options = kOptions;
    AdamW a(fused, options);
    options.fused = false;
    AdamW b(plain, options);
    for (int step = 0; step < 25; ++step) {
      for (auto* optimizer : {&a, &b}) {
        set_gradients(optimizer == &a ? fused : plain, step, 30.0);
        optimizer->clip(0.5, 1.0);
        optimizer->set_learning_rate(0.03 / (1 + step));
        optimizer->step();
      }
    }
    expect_close(fused, plain, tolerance);
    for (const auto& [name, tensor] : a.state())
      EXPECT_LE(distance(tensor, b.state().at(name)), tolerance) << name;
  }
}

TEST(AdamW, VectorsDecayOnlyWhenAskedTo) {
  for (bool skip : {true, false}) {
    auto parameters = make_parameters();
    AdamWOptions options = kOptions;
    options.skip_decay_of_vectors = skip;
    AdamW optimizer(parameters, options);
    for (const auto& [name, value] : parameters) value.mutable_grad() = torch::zeros_like(value);
    optimizer.step();  // without a gradient's push only the decay is left
    const auto before = make_parameters();
    EXPECT_LE(distance(parameters[0].value, before[0].value * (1 - 0.003)), 1e-15);
    EXPECT_LE(distance(parameters[1].value, before[1].value * (skip ? 1.0 : 1 - 0.003)), 1e-15);
  }
}

TEST(AdamW, MasterWeightsKeepStepsThatBf16WouldLose) {
  auto with = std::vector{parameter("w", torch::ones({2, 2}, torch::kBFloat16))};
  auto without = std::vector{parameter("w", torch::ones({2, 2}, torch::kBFloat16))};
  AdamWOptions options{.learning_rate = 1e-4};  // below 1: bf16 goes in steps of 2^-8 = 0.0039
  AdamW kept(with, options);
  options.master_weights = false;
  AdamW lost(without, options);
  for (int step = 0; step < 100; ++step) {
    for (auto* list : {&with, &without})
      list->front().value.mutable_grad() = torch::ones({2, 2}, torch::kBFloat16);
    kept.step();
    lost.step();
  }
  EXPECT_NEAR(kept.state().at("w.master").mean().item<double>(), 0.99,
              1e-5);                                              // a constant gradient: rate a step
  EXPECT_EQ(with[0].value.sum().item<double>(), 4 * 0.98828125);  // bf16 nearest to 0.99
  EXPECT_EQ(without[0].value.sum().item<double>(), 4.0);
  EXPECT_EQ(lost.state().count("w.master"), 0u);
  EXPECT_EQ(lost.state().at("w.exp_avg").scalar_type(), torch::kBFloat16);
}

TEST(AdamW, UnderBf16TheMasterCopyIsAnFp32RunAndTheParameterItsRounding) {
  auto half = make_parameters(torch::kBFloat16);
  std::vector<NamedParameter> full;
  for (const auto& [name, value] : half) full.push_back(parameter(name, value.detach().to(torch::kFloat32)));
  AdamW a(half, kOptions), b(full, kOptions);
  for (int step = 0; step < 10; ++step) {
    set_gradients(half, step);
    for (std::size_t i = 0; i < half.size(); ++i)
      full[i].value.mutable_grad() = half[i].value.grad().to(torch::kFloat32);
    for (auto* optimizer : {&a, &b}) {
      optimizer->clip(1.0 / 3.0, 0.5);
      optimizer->step();
    }
  }
  for (std::size_t i = 0; i < half.size(); ++i) {
    EXPECT_TRUE(torch::equal(a.state().at(half[i].name + ".master"), full[i].value)) << half[i].name;
    EXPECT_TRUE(torch::equal(half[i].value, full[i].value.to(torch::kBFloat16))) << half[i].name;
  }
}

TEST(AdamW, AStepReturnsTheScaledNormInAllAndByGroup) {
  auto parameters = make_parameters(torch::kFloat32);
  for (const auto& [name, value] : parameters) value.mutable_grad() = torch::full_like(value, 2.0);
  AdamW optimizer(parameters, kOptions);
  optimizer.clip(0.25, 1.0);
  const GradientNorms norms = optimizer.step();  // of before the limit, which float32 gradients may be scaled by in place
  EXPECT_NEAR(norms.total, 0.5 * std::sqrt(15 + 5 + 16 + 4), 1e-6);  // float32 sums
  EXPECT_THAT(norms.groups,
              ElementsAre(Pair("connectors.a", testing::DoubleNear(0.5 * std::sqrt(20.0), 1e-6)),
                          Pair("llm.layers", testing::DoubleNear(2.0, 1e-6)),
                          Pair("llm.norm", testing::DoubleNear(1.0, 1e-6))));
  EXPECT_TRUE(optimizer.step().groups.empty());  // what clip() found was used up
}

TEST(AdamW, AStepInTwoIsTheSameStepAndDoesNotNeedTheGradientsInBetween) {
  auto whole = make_parameters(), halves = make_parameters();
  AdamW a(whole, kOptions), b(halves, kOptions);
  for (int step = 0; step < 3; ++step) {
    set_gradients(whole, step);
    set_gradients(halves, step);
    a.clip(0.5, 1.0);
    b.clip(0.5, 1.0);
    b.launch();
    b.zero_grad();
    EXPECT_THROW(b.launch(), std::logic_error);
    EXPECT_EQ(a.step().groups, b.finish().groups);
    EXPECT_THROW(b.finish(), std::logic_error);
  }
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(torch::equal(whole[i].value, halves[i].value)) << whole[i].name;
  for (const auto& [name, tensor] : a.state()) EXPECT_TRUE(torch::equal(tensor, b.state().at(name))) << name;
}

TEST(AdamW, TheNextStepUsesTheScaledAndLimitedGradient) {
  // With beta1 = 0 the first moment is the gradient that the step used.
  AdamWOptions options = kOptions;
  options.beta1 = 0.0;
  auto parameters = make_parameters();
  AdamW optimizer(parameters, options);
  const auto used = [&] { return optimizer.state().at("connectors.a.weight.exp_avg").clone(); };
  const auto stored = [&] { return parameters[0].value.grad(); };

  set_gradients(parameters, 1);
  optimizer.clip(0.5, 0.0);  // no limit
  const double norm = optimizer.step().total;
  EXPECT_LE(distance(used(), stored() * 0.5), 1e-12);

  optimizer.clip(0.5, norm * 2);  // a limit above the norm changes nothing
  optimizer.step();
  EXPECT_LE(distance(used(), stored() * 0.5), 1e-12);

  optimizer.clip(0.5, norm / 10);
  optimizer.step();
  EXPECT_LE(distance(used(), stored() * 0.05), 1e-12);

  optimizer.step();  // what clip() set was used up
  EXPECT_LE(distance(used(), stored()), 1e-12);
}

TEST(AdamW, Bf16NormsAreTakenInFp32) {
  // 257^2 ones: a bf16 sum would stop at 256, and the norm, 257, is no bf16 number.
  auto parameters = std::vector{parameter("w", torch::zeros({257, 257}, torch::kBFloat16))};
  parameters[0].value.mutable_grad() = torch::ones({257, 257}, torch::kBFloat16);
  AdamW optimizer(parameters, kOptions);
  optimizer.clip(1.0, 0.0);
  EXPECT_NEAR(optimizer.step().total, 257.0, 1e-3);
}

// All that a step could change, copied.
TensorMap copied(const AdamW& optimizer, const std::vector<NamedParameter>& parameters) {
  TensorMap all;
  for (const auto& [name, tensor] : optimizer.state()) all[name] = tensor.clone();
  for (const auto& [name, value] : parameters) all[name] = value.detach().clone();
  return all;
}

void expect_same(const TensorMap& a, const TensorMap& b) {
  for (const auto& [name, tensor] : a) EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
}

void take_step(AdamW& optimizer, const std::vector<NamedParameter>& parameters, int step) {
  set_gradients(parameters, step);
  optimizer.clip(1.0, 1.0);
  EXPECT_TRUE(optimizer.step().finite());
}

TEST(AdamW, ANanOrInfinityIsReportedAndTheStepNotTaken) {
  for (auto dtype : {torch::kFloat64, torch::kFloat32, torch::kBFloat16})
    for (double bad : {std::nan(""), double(INFINITY)}) {
      auto parameters = make_parameters(dtype);
      AdamW optimizer(parameters, kOptions);
      take_step(optimizer, parameters, 1);
      const auto before = copied(optimizer, parameters);
      set_gradients(parameters, 2);
      parameters[2].value.mutable_grad().view(-1)[3] = bad;
      optimizer.clip(1.0, 1.0);
      const GradientNorms norms = optimizer.step();
      EXPECT_FALSE(norms.finite());
      EXPECT_FALSE(std::isfinite(norms.groups.at("llm.layers")));
      EXPECT_TRUE(std::isfinite(norms.groups.at("connectors.a")));  // says where to look
      expect_same(copied(optimizer, parameters), before);
      EXPECT_EQ(optimizer.state().at("llm.norm.weight.step").item<int>(), 1);
      take_step(optimizer, parameters, 2);  // the refusal was for one step
      EXPECT_EQ(optimizer.state().at("llm.norm.weight.step").item<int>(), 2);
      EXPECT_FALSE(torch::equal(parameters[2].value, before.at("llm.layers.0.weight")));
    }
}

TEST(AdamW, WhereTheLossIsNotFiniteTheStepIsNotTaken) {
  auto parameters = make_parameters();
  AdamW optimizer(parameters, kOptions);
  take_step(optimizer, parameters, 1);
  const auto before = copied(optimizer, parameters);
  for (double bad : {std::nan(""), double(INFINITY)}) {
    set_gradients(parameters, 2);
    optimizer.clip(1.0, 1.0, torch::tensor(bad));
    EXPECT_TRUE(optimizer.step().finite());  // the gradients are
    expect_same(copied(optimizer, parameters), before);
  }
  optimizer.clip(1.0, 1.0, torch::tensor(3.0));
  optimizer.step();
  EXPECT_EQ(optimizer.state().at("llm.norm.weight.step").item<int>(), 2);
}

TEST(AdamW, FrozenParametersHaveNoStateAndStayBitIdentical) {
  auto parameters = make_parameters();
  parameters[2] = parameter("llm.layers.0.weight", wave({4, 4}, 1.3, 0.5), /*trained=*/false);
  AdamW optimizer(parameters, kOptions);
  set_gradients(parameters, 1);
  optimizer.clip(1.0, 1.0);
  optimizer.step();
  EXPECT_TRUE(torch::equal(parameters[2].value, wave({4, 4}, 1.3, 0.5)));
  for (const auto& [name, tensor] : optimizer.state()) EXPECT_NE(name.rfind("llm.layers", 0), 0u) << name;
  EXPECT_EQ(optimizer.state().size(), 9u);
}

TEST(AdamW, AParameterWithoutAGradientSitsTheStepOut) {
  auto parameters = make_parameters();
  AdamW optimizer(parameters, kOptions);
  set_gradients(parameters, 1);
  optimizer.step();
  set_gradients(parameters, 2);
  parameters[0].value.mutable_grad().reset();
  const auto before = parameters[0].value.detach().clone();
  optimizer.step();
  EXPECT_TRUE(torch::equal(parameters[0].value, before));
  EXPECT_EQ(optimizer.state().at("connectors.a.weight.step").item<int>(), 1);
  EXPECT_EQ(optimizer.state().at("connectors.a.bias.step").item<int>(), 2);
}

TEST(AdamW, ZeroGradLeavesNone) {
  auto parameters = make_parameters();
  AdamW optimizer(parameters, kOptions);
  set_gradients(parameters, 1);
  optimizer.zero_grad();
  for (const auto& [name, value] : parameters) EXPECT_FALSE(value.grad().defined()) << name;
}

TEST(AdamW, ARunGoesOnFromItsSavedStateBitForBit) {
  for (auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    auto whole = make_parameters(dtype);
    AdamW uninterrupted(whole, kOptions);
    TensorMap saved, values;
    for (int step = 0; step < 12; ++step) {
      if (step == 5) {
        for (const auto& [name, tensor] : uninterrupted.state()) saved[name] = tensor.clone();
        for (const auto& [name, value] : whole) values[name] = value.detach().clone();
      }
      set_gradients(whole, step);
      uninterrupted.clip(0.1, 0.2);
      uninterrupted.step();
    }
    std::vector<NamedParameter> resumed;
    for (const auto& [name, value] : values) resumed.push_back(parameter(name, value));
    AdamW optimizer(resumed, kOptions);
    optimizer.load(saved, "optimizer.safetensors");
    for (int step = 5; step < 12; ++step) {
      set_gradients(resumed, step);
      optimizer.clip(0.1, 0.2);
      optimizer.step();
    }
    for (const auto& [name, tensor] : uninterrupted.state())
      EXPECT_TRUE(torch::equal(tensor, optimizer.state().at(name))) << name;
    for (const auto& [name, value] : resumed) values[name] = value;
    for (const auto& [name, value] : whole) EXPECT_TRUE(torch::equal(value, values.at(name))) << name;
  }
}

TEST(AdamW, LoadingIsStrictByNameShapeAndDtypeAndChangesNothingWhenItFails) {
  auto parameters = make_parameters();
  AdamW optimizer(parameters, kOptions);
  set_gradients(parameters, 1);
  optimizer.step();
  const auto broken = [&](const std::function<void(TensorMap&)>& change) {
    TensorMap saved = optimizer.state();
    for (auto& [name, tensor] : saved) tensor = torch::zeros_like(tensor);
    change(saved);
    return message_of([&] { optimizer.load(saved, "step-00000001/optimizer.safetensors"); });
  };
  EXPECT_THAT(broken([](TensorMap& saved) { saved.erase("llm.norm.weight.exp_avg"); }),
              testing::AllOf(HasSubstr("step-00000001/optimizer.safetensors: "),
                             testing::ContainsRegex("missing +1 +llm.norm.weight.exp_avg ")));
  EXPECT_THAT(broken([](TensorMap& saved) { saved["llm.head.exp_avg"] = torch::zeros({1}); }),
              testing::ContainsRegex("unexpected +1 +llm.head.exp_avg "));
  EXPECT_THAT(
      broken([](TensorMap& saved) { saved["llm.norm.weight.exp_avg"] = torch::zeros({5}, torch::kFloat64); }),
      testing::ContainsRegex("wrong shape +1 +llm.norm.weight.exp_avg +.4. Double +.5. Double"));
  EXPECT_THAT(broken([](TensorMap& saved) { saved["llm.norm.weight.exp_avg"] = torch::zeros({4}); }),
              testing::ContainsRegex("wrong type +1 +llm.norm.weight.exp_avg +.4. Double +.4. Float"));
  EXPECT_EQ(optimizer.state().at("llm.norm.weight.step").item<int>(), 1);
  EXPECT_GT(optimizer.state().at("connectors.a.weight.exp_avg").norm().item<double>(), 0.0);
}

TEST(AdamW, BucketsChangeNothing) {
  for (auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    auto one = make_parameters(dtype), many = make_parameters(dtype);
    AdamWOptions options = kOptions;
    AdamW a(one, options);
    options.bucket_elements = 19;  // the tensors have 15, 5, 16 and 4 elements
    AdamW b(many, options);
    for (int step = 0; step < 5; ++step) {
      for (auto* optimizer : {&a, &b}) {
        set_gradients(optimizer == &a ? one : many, step);
        optimizer->clip(0.5, 0.1);
        optimizer->step();
      }
    }
    for (std::size_t i = 0; i < one.size(); ++i)
      EXPECT_TRUE(torch::equal(one[i].value, many[i].value)) << one[i].name;
  }
}

// Two of three processes' slices of make_parameters(), with cuts through parameters.
const std::vector<std::vector<ParameterSlice>> kSlices{{{0, 0, 7}, {2, 0, 16}}, {{0, 7, 15}, {1, 0, 5}, {3, 0, 1}}, {{3, 1, 4}}};

void give_slices(AdamW& optimizer, const std::vector<NamedParameter>& parameters, const std::vector<ParameterSlice>& slices) {
  for (const auto& slice : slices) optimizer.give_gradient(slice, parameters[slice.parameter].value.grad().view({-1}).slice(0, slice.begin, slice.end));
}

TEST(AdamW, OfSlicesEachProcessStepsItsOwnAndTogetherTheyAreTheWhole) {
  for (const auto dtype : {torch::kFloat64, torch::kBFloat16}) {
    auto whole = make_parameters(dtype), sliced = make_parameters(dtype);  // `sliced` is shared by three optimizers, as after an all-gather
    AdamW expected(whole, kOptions);
    std::vector<std::unique_ptr<AdamW>> processes;
    for (const auto& slices : kSlices) processes.push_back(std::make_unique<AdamW>(sliced, kOptions, slices));
    for (int step = 0; step < 5; ++step) {
      set_gradients(whole, step);
      set_gradients(sliced, step);
      expected.clip(0.5, 0.1);
      torch::Tensor squares;  // of all processes
      for (const bool first : {true, false})
        for (std::size_t i = 0; i < processes.size(); ++i) {
          if (first) give_slices(*processes[i], sliced, kSlices[i]);
          processes[i]->clip(0.5, 0.1, {}, [&](const torch::Tensor& own) {
            if (!first) return void(own.copy_(squares));
            squares = squares.defined() ? squares + own : own.clone();
          });
        }
      const auto norms = expected.step();
      for (auto& process : processes) {
        const auto got = process->step();
        EXPECT_NEAR(got.total, norms.total, 1e-6 * norms.total);
        EXPECT_EQ(got.groups.size(), norms.groups.size());
      }
      expected.zero_grad();
      for (auto& process : processes) process->zero_grad();
    }
    expect_close(sliced, whole, dtype == torch::kFloat64 ? 1e-14 : 1e-6);
  }
}

TEST(AdamW, TheStateOfSlicesIsReadByAnyOtherDivision) {
  auto parameters = make_parameters(torch::kBFloat16);
  AdamW whole(parameters, kOptions);
  set_gradients(parameters, 1);
  whole.clip(1.0, 0.0);
  whole.step();
  const auto saved = whole.state();
  TensorMap pieces;  // as three processes save it
  for (const auto& slices : kSlices) {
    AdamW process(parameters, kOptions, slices);
    process.load(saved, "whole");
    for (const auto& [name, tensor] : process.state()) pieces[name] = tensor.clone();
  }
  EXPECT_TRUE(pieces.contains("connectors.a.weight.exp_avg[0:7]"));
  EXPECT_TRUE(pieces.contains("llm.layers.0.weight.exp_avg"));
  AdamW again(make_parameters(torch::kBFloat16), kOptions);
  again.load(pieces, "pieces");
  for (const auto& [name, tensor] : again.state()) EXPECT_TRUE(tensor.equal(saved.at(name))) << name;
  const std::vector<ParameterSlice> other{{0, 3, 11}, {2, 5, 6}};
  AdamW cut(make_parameters(torch::kBFloat16), kOptions, other);
  cut.load(pieces, "pieces");
  EXPECT_TRUE(cut.state().at("connectors.a.weight.master[3:11]").equal(saved.at("connectors.a.weight.master").view({-1}).slice(0, 3, 11)));
}

TEST(AdamW, AStateWithAHoleBetweenSlicesIsRefused) {
  AdamW process(make_parameters(), kOptions, kSlices[0]);
  AdamW whole(make_parameters(), kOptions);
  auto pieces = whole.state();
  const auto cut = pieces.extract("connectors.a.weight.exp_avg").mapped().view({-1});
  pieces["connectors.a.weight.exp_avg[0:7]"] = cut.slice(0, 0, 7);
  pieces["connectors.a.weight.exp_avg[8:15]"] = cut.slice(0, 8, 15);
  EXPECT_THAT(message_of([&] { process.load(pieces, "holes"); }), AllOf(HasSubstr("connectors.a.weight.exp_avg"), HasSubstr("slices 0:7, 8:15")));
}

TEST(AdamW, GradientsOfSeveralExchangesAreAdded) {
  auto parameters = make_parameters(), twice = make_parameters();
  AdamW optimizer(twice, kOptions, kSlices[0]), expected(parameters, kOptions, kSlices[0]);
  set_gradients(parameters, 1, 2.0);
  set_gradients(twice, 1);
  give_slices(expected, parameters, kSlices[0]);
  give_slices(optimizer, twice, kSlices[0]);
  give_slices(optimizer, twice, kSlices[0]);
  expected.clip(1.0, 0.0);
  optimizer.clip(1.0, 0.0);
  expected.step();
  optimizer.step();
  expect_close(twice, parameters, 1e-14);
}

TEST(AdamW, OptionsOutOfRangeAreTheUsersMistake) {
  for (const AdamWOptions& options :
       {AdamWOptions{.beta1 = 1.0}, AdamWOptions{.beta2 = -0.1}, AdamWOptions{.eps = 0.0},
        AdamWOptions{.weight_decay = -1.0}, AdamWOptions{.learning_rate = -1.0}})
    EXPECT_THROW(AdamW(make_parameters(), options), UserError);
}

std::vector<NamedParameter> on_cuda(const std::vector<NamedParameter>& parameters) {
  std::vector<NamedParameter> moved;
  for (const auto& [name, value] : parameters) moved.push_back(parameter(name, value.detach().to(torch::kCUDA)));
  return moved;
}

void copy_gradients(const std::vector<NamedParameter>& from, const std::vector<NamedParameter>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i].value.mutable_grad() = from[i].value.grad().to(to[i].value.device());
}

// How parameters are trained: each has its own way through the optimizer.
struct OnCuda {
  torch::Dtype dtype;
  bool masters = true, mixed = false, parts = false;  // mixed: one parameter is on the CPU; parts: gradients are sums in fp32 of bf16 ones
};

class AdamWOnCuda : public testing::TestWithParam<OnCuda> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  }
};

INSTANTIATE_TEST_SUITE_P(Of, AdamWOnCuda,
                         testing::Values(OnCuda{torch::kFloat64}, OnCuda{torch::kFloat32}, OnCuda{torch::kBFloat16}, OnCuda{torch::kFloat16}, OnCuda{torch::kBFloat16, true, false, true},
                                         OnCuda{torch::kBFloat16, false}, OnCuda{torch::kFloat32, true, true}, OnCuda{torch::kBFloat16, true, true}));

TEST_P(AdamWOnCuda, EqualsTheReferenceOnTheCpu) {
  const auto [dtype, masters, mixed, parts] = GetParam();
  auto plain = make_parameters(dtype);
  auto fused = on_cuda(plain);
  if (mixed)
    for (auto* list : {&plain, &fused}) list->push_back(parameter("on.cpu", wave({3, 3}, 1, 1, dtype)));
  AdamWOptions options = kOptions;
  options.master_weights = masters;
  AdamW a(fused, options);
  options.fused = false;
  AdamW b(plain, options);
  for (int step = 0; step < 20; ++step) {
    for (int part = 0; part < (parts ? 2 : 1); ++part) {
      set_gradients(plain, step + 100 * part);
      copy_gradients(plain, fused);
      if (!parts) continue;
      a.accumulate();
      b.accumulate();
    }
    a.clip(0.3, 0.7);
    b.clip(0.3, 0.7);
    const auto found = a.step(), expected = b.step();
    EXPECT_NEAR(found.total, expected.total, 1e-5);
    EXPECT_EQ(found.groups.size(), expected.groups.size());
    for (const auto& [group, norm] : expected.groups) EXPECT_NEAR(found.groups.at(group), norm, 1e-5) << group;
    a.zero_grad();
    b.zero_grad();
  }
  // fp32 masters agree to 1e-5, but two of them may round to neighbouring bf16 numbers. Without masters each of 20 steps rounds value and state to bf16.
  const double state = dtype == torch::kFloat64 ? 1e-12 : masters ? 1e-5 : 5e-2;
  const double value = c10::elementSize(dtype) > 2 ? state : masters ? 4e-3 : 5e-2;
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_LE(distance(fused[i].value.cpu(), plain[i].value), value) << plain[i].name;
  for (const auto& [name, tensor] : a.state()) EXPECT_LE(distance(tensor.cpu(), b.state().at(name)), state) << name;
}

TEST_P(AdamWOnCuda, AStepThatIsNotFiniteChangesNothing) {
  const auto [dtype, masters, mixed, parts] = GetParam();
  auto source = make_parameters(dtype), parameters = on_cuda(source);
  if (mixed)
    for (auto* list : {&source, &parameters}) list->push_back(parameter("on.cpu", wave({3, 3}, 1, 1, dtype)));
  AdamWOptions options = kOptions;
  options.master_weights = masters;
  AdamW optimizer(parameters, options);
  const auto step = [&](double gradient, double loss) {
    set_gradients(source, 1);
    source[2].value.mutable_grad().view(-1)[3] = gradient;
    copy_gradients(source, parameters);
    if (parts) optimizer.accumulate();
    optimizer.clip(1.0, 1.0, torch::tensor(loss, torch::kFloat64).cuda());
    const auto norms = optimizer.step();
    optimizer.zero_grad();
    return norms;
  };
  EXPECT_TRUE(step(1, 1).finite());
  const auto before = copied(optimizer, parameters);
  const auto norms = step(std::nan(""), 1);
  EXPECT_FALSE(norms.finite());
  EXPECT_FALSE(std::isfinite(norms.groups.at("llm.layers")));
  EXPECT_TRUE(std::isfinite(norms.groups.at("connectors.a")));
  EXPECT_FALSE(step(INFINITY, 1).finite());
  EXPECT_TRUE(step(1, std::nan("")).finite());
  expect_same(copied(optimizer, parameters), before);
  EXPECT_TRUE(step(1, 1).finite());
  EXPECT_EQ(optimizer.state().at("llm.norm.weight.step").item<int>(), 2);
}

TEST(AdamW, OnCudaNothingWaitsForTheDeviceButTheEndOfAStep) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  auto source = make_parameters(torch::kFloat32), parameters = on_cuda(source);
  AdamW optimizer(parameters, kOptions);
  set_gradients(source, 1);
  copy_gradients(source, parameters);
  const auto loss = torch::ones({}, torch::kCUDA);
  const auto a = torch::ones({8192, 8192}, torch::kCUDA);
  auto product = torch::empty_like(a);
  optimizer.clip(1.0, 1.0, loss);  // what is loaded at first use is loaded
  optimizer.step();
  torch::mm_out(product, a, a);
  torch::cuda::synchronize();
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (int i = 0; i < 50; ++i) torch::mm_out(product, a, a);  // some tenths of a second of work that lies before clip()'s
  optimizer.clip(1.0, 1.0, loss);
  optimizer.launch();
  optimizer.zero_grad();
  const auto launched = Clock::now();
  optimizer.finish();
  EXPECT_LT((launched - begin) * 2, Clock::now() - begin);
}

}  // namespace
}  // namespace pal
