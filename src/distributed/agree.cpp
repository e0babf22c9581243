#include "pal/distributed/agree.h"

#include <torch/torch.h>

#include "pal/core/check.h"

namespace pal {

namespace {

// How a body ended.
struct Outcome {
  enum Kind : char { kReturned = 'r', kUserError = 'u', kOther = 'o' };
  Kind kind = kReturned;
  std::string text;            // that was returned, or says what was wrong
  std::exception_ptr thrown;   // in this process

  std::string sent() const { return char(kind) + text; }
};

Outcome outcome_of(const std::function<std::string()>& body) {
  try {
    return {Outcome::kReturned, body(), nullptr};
  } catch (const UserError& error) {
    return {Outcome::kUserError, error.what(), std::current_exception()};
  } catch (const std::exception& error) {
    return {Outcome::kOther, error.what(), std::current_exception()};
  }
}

// Of a process: `own` where it is this one's.
std::string result_of(const std::string& sent, bool is_own, const Outcome& own) {
  const auto text = sent.substr(1);
  if (sent[0] == Outcome::kReturned) return text;
  if (is_own) std::rethrow_exception(own.thrown);
  if (sent[0] == Outcome::kUserError) throw UserErrorElsewhere(text);
  throw ErrorElsewhere(text);
}

// Of all bits and their places, above or equal to 0.
int64_t fingerprint(const at::Tensor& tensor) {
  constexpr int64_t kPiece = int64_t{1} << 22;  // elements: 64 MiB of what is computed
  const auto flat = tensor.detach().contiguous().view({-1});
  const auto words = tensor.nbytes() % 4 == 0 ? flat.view(at::kInt) : flat.view(at::kByte);
  int64_t sum = words.numel();
  for (int64_t begin = 0; begin < words.numel(); begin += kPiece) {
    const auto piece = words.narrow(0, begin, std::min(kPiece, words.numel() - begin)).to(at::kLong);
    const auto places = torch::arange(begin + 1, begin + 1 + piece.numel(), piece.options());
    sum = int64_t(uint64_t(sum) * 1099511628211u + uint64_t((piece * places).sum().item<int64_t>()));
  }
  return sum & INT64_MAX;
}

}  // namespace

void together(ProcessGroup& group, const std::function<void()>& body) {
  if (group.size() == 1) return body();
  const auto own = outcome_of([&] {
    body();
    return std::string();
  });
  const auto all = group.gather(own.sent());
  for (std::size_t process = 0; process < all.size(); ++process) result_of(all[process], int64_t(process) == group.rank(), own);
}

std::vector<nlohmann::json> gather_json(ProcessGroup& group, const nlohmann::json& own) {
  std::vector<nlohmann::json> all;
  for (const auto& text : group.gather(own.dump())) all.push_back(nlohmann::json::parse(text));
  return all;
}

std::string on_first(ProcessGroup& group, const std::function<std::string()>& body) {
  if (group.size() == 1) return body();
  const auto own = group.is_first() ? outcome_of(body) : Outcome{};
  return result_of(group.gather(own.sent()).front(), group.is_first(), own);
}

void copy_from_first(ProcessGroup& group, const std::vector<NamedReplica>& replicas) {
  const at::NoGradGuard no_grad;
  for (const auto& replica : replicas) group.broadcast(replica.tensor.detach());
}

void check_equal(ProcessGroup& group, const std::vector<NamedReplica>& replicas) {
  if (group.size() == 1 || replicas.empty()) return;
  const at::NoGradGuard no_grad;
  std::vector<int64_t> own;
  for (const auto& replica : replicas) own.push_back(fingerprint(replica.tensor));
  auto greatest = torch::tensor(own, torch::kInt64), least = -greatest;
  group.largest(greatest);
  group.largest(least);
  const auto differs = (greatest != -least).nonzero();
  if (differs.numel() == 0) return;
  const auto& first = replicas[std::size_t(differs[0].item<int64_t>())];
  throw_in_all<std::runtime_error>(group, fmt::format("{} of {} tensors, the first of them {}, are not the same in all {} processes; a machine's memory or library is at fault, or a program error. "
                                       "The run ends here, as what it has learned since the last such check cannot be trusted",
                                       differs.numel(), replicas.size(), first.name, group.size()));
}

}  // namespace pal
