#include "pal/distributed/launch.h"

#include <charconv>
#include <cstdlib>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr int kDefaultPort = 29500;  // torchrun's

// Reads numbers of one launcher.
class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  bool has(const char* name) const { return environment_(name).has_value(); }

  // `most` is the last number that is allowed.
  int64_t number(const char* name, int64_t least, int64_t most) const {
    const auto text = environment_(name);
    PAL_CHECK(text, "{} is not set, though other variables say that this is one of several processes; set it, or start without a launcher", name);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    PAL_CHECK(error == std::errc() && end == text->data() + text->size(), "{}: expected a whole number, got '{}'", name, *text);
    PAL_CHECK(value >= least && value <= most, "{}: expected {} to {}, got {}", name, least, most, value);
    return value;
  }

  int64_t number_or(const char* name, int64_t least, int64_t most, int64_t otherwise) const { return has(name) ? number(name, least, most) : otherwise; }

  std::string text(const char* name) const { return environment_(name).value_or(""); }

 private:
  const Environment& environment_;
};

constexpr int64_t kMost = 1 << 20;  // processes

// node[07-09,12]-ib,other becomes node07-ib.
std::string first_host(const std::string& list) {
  const auto open = list.find_first_of("[,");
  if (open == std::string::npos || list[open] == ',') return list.substr(0, open);
  const auto close = list.find(']', open);
  PAL_CHECK(close != std::string::npos, "SLURM_STEP_NODELIST: '{}' has no closing bracket", list);
  const auto number_end = list.find_first_of(",-]", open);
  const auto suffix_end = std::min(list.find(',', close), list.size());
  return list.substr(0, open) + list.substr(open + 1, number_end - open - 1) + list.substr(close + 1, suffix_end - close - 1);
}

Launch of_torchrun(const Variables& variables) {
  Launch launch{.by = "torchrun"};
  launch.world = variables.number("WORLD_SIZE", 1, kMost);
  launch.rank = variables.number("RANK", 0, launch.world - 1);
  launch.local_world = variables.number_or("LOCAL_WORLD_SIZE", 1, launch.world, 0);
  launch.local_rank = variables.number_or("LOCAL_RANK", 0, launch.world - 1, 0);
  launch.is_served = variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  launch.attempt = variables.text("TORCHELASTIC_RESTART_COUNT");
  PAL_CHECK(launch.world == 1 || variables.has("MASTER_ADDR"), "MASTER_ADDR is not set, but WORLD_SIZE is {}: set it to the host of rank 0", launch.world);
  PAL_CHECK(launch.world == 1 || variables.has("MASTER_PORT"), "MASTER_PORT is not set, but WORLD_SIZE is {}: set it to a free port of {}", launch.world,
            variables.text("MASTER_ADDR"));
  return launch;
}

Launch of_open_mpi(const Variables& variables) {
  Launch launch{.by = "Open MPI"};
  launch.world = variables.number("OMPI_COMM_WORLD_SIZE", 1, kMost);
  launch.rank = variables.number("OMPI_COMM_WORLD_RANK", 0, launch.world - 1);
  launch.local_world = variables.number("OMPI_COMM_WORLD_LOCAL_SIZE", 1, launch.world);
  launch.local_rank = variables.number("OMPI_COMM_WORLD_LOCAL_RANK", 0, launch.local_world - 1);
  launch.address = "127.0.0.1";
  PAL_CHECK(launch.local_world == launch.world || variables.has("MASTER_ADDR"),
            "MASTER_ADDR is not set, but {} processes are on several machines: mpirun -x MASTER_ADDR=HOST, with the host of rank 0", launch.world);
  return launch;
}

Launch of_slurm(const Variables& variables) {
  Launch launch{.by = "Slurm"};
  launch.world = variables.number("SLURM_STEP_NUM_TASKS", 1, kMost);
  launch.rank = variables.number("SLURM_PROCID", 0, launch.world - 1);
  launch.local_rank = variables.number("SLURM_LOCALID", 0, launch.world - 1);
  launch.local_world = 0;
  launch.address = first_host(variables.text("SLURM_STEP_NODELIST"));
  PAL_CHECK(launch.world == 1 || !launch.address.empty() || variables.has("MASTER_ADDR"), "neither SLURM_STEP_NODELIST nor MASTER_ADDR is set, but there are {} tasks",
            launch.world);
  // Jobs on one node must not share a port, and those that the system gives out begin at 32768.
  launch.port = int(12000 + variables.number_or("SLURM_JOB_ID", 0, INT64_MAX, 0) % 20000);
  return launch;
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const char* found = std::getenv(name);
  return found == nullptr ? std::nullopt : std::optional<std::string>(found);
}

Launch read_launch(const Environment& environment) {
  const Variables variables(environment);
  Launch launch;
  if (variables.has("RANK") || variables.has("WORLD_SIZE"))
    launch = of_torchrun(variables);
  else if (variables.has("OMPI_COMM_WORLD_SIZE"))
    launch = of_open_mpi(variables);
  else if (variables.has("SLURM_STEP_NUM_TASKS") && variables.has("SLURM_PROCID"))
    launch = of_slurm(variables);
  if (launch.world == 1) return {.by = launch.by};
  if (variables.has("MASTER_ADDR")) launch.address = variables.text("MASTER_ADDR");
  launch.port = int(variables.number_or("MASTER_PORT", 1, 65535, launch.port > 0 ? launch.port : kDefaultPort));
  return launch;
}

}  // namespace pal
