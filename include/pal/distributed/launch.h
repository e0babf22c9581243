// Which of a run's processes this one is, as whatever started it says in the environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace pal {

// A process among those of a run.
struct Launch {
  int64_t rank = 0;         // of all processes, from 0
  int64_t world = 1;        // how many there are
  int64_t local_rank = 0;   // of those on this machine: which GPU is its own
  int64_t local_world = 1;  // how many there are on this machine; 0: not said
  std::string address{};    // host of rank 0, where the others find it; empty where there is one process
  int port = 0;             // at which rank 0 listens
  bool is_served = false;   // the launcher itself listens there, not rank 0
  std::string attempt{};    // of the launcher, where it starts the processes again: what tells their exchanges from earlier ones
  std::string by{};         // who started it, for people: "torchrun", "Slurm", "Open MPI"; empty: nobody did
};

// Looks up a variable; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(const char*)>;

// The environment of this process.
std::optional<std::string> process_environment(const char* name);

// RANK and WORLD_SIZE (torchrun, pal-train --nproc, Kubernetes) come before OMPI_COMM_WORLD_* (mpirun, which may itself run under Slurm), and
// these before SLURM_* of a step that srun started; a batch script's own process is not one of several. MASTER_ADDR and MASTER_PORT count
// for all of them. Without them Slurm's first node and a port made of the job's number are taken, and this machine under mpirun where all
// processes are on it. Throws UserError for what is missing, no number or out of range.
Launch read_launch(const Environment& environment = process_environment);

}  // namespace pal
