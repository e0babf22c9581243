// What each launcher sets, after its manual: torchrun, srun (Slurm 23), Open MPI 4 and 5.
#include "pal/distributed/launch.h"

#include <gmock/gmock.h>

#include <map>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Launch read(const Variables& variables) {
  return read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string message(const Variables& variables) {
  try {
    read(variables);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

Variables with(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) variables[name] = value;
  return variables;
}

const Variables kTorchrun = {{"RANK", "5"},           {"WORLD_SIZE", "16"},      {"LOCAL_RANK", "1"},
                             {"LOCAL_WORLD_SIZE", "4"}, {"MASTER_ADDR", "node07"}, {"MASTER_PORT", "29400"}};
const Variables kSlurm = {{"SLURM_PROCID", "9"},    {"SLURM_STEP_NUM_TASKS", "16"}, {"SLURM_NTASKS", "16"}, {"SLURM_LOCALID", "1"},
                          {"SLURM_JOB_ID", "54321"}, {"SLURM_STEP_NODELIST", "gpu[07-08]"}};
const Variables kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}};

TEST(ReadLaunch, WithoutALauncherItIsAlone) {
  for (const auto& variables : {Variables{}, Variables{{"MASTER_ADDR", "left over"}}, Variables{{"SLURM_JOB_ID", "7"}}}) {
    const auto alone = read(variables);
    EXPECT_EQ(alone.rank, 0);
    EXPECT_EQ(alone.world, 1);
    EXPECT_EQ(alone.by, "");
  }
}

TEST(ReadLaunch, OfTorchrun) {
  const auto launch = read(kTorchrun);
  EXPECT_EQ(std::tie(launch.rank, launch.world, launch.local_rank, launch.local_world), std::make_tuple(5, 16, 1, 4));
  EXPECT_EQ(launch.address, "node07");
  EXPECT_EQ(launch.port, 29400);
  EXPECT_EQ(launch.by, "torchrun");
  EXPECT_FALSE(launch.is_served);
  const auto served = read(with(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}}));
  EXPECT_TRUE(served.is_served);
  EXPECT_EQ(served.attempt, "2");
}

TEST(ReadLaunch, OfSrun) {
  const auto launch = read(kSlurm);
  EXPECT_EQ(std::tie(launch.rank, launch.world, launch.local_rank), std::make_tuple(9, 16, 1));
  EXPECT_EQ(launch.address, "gpu07");
  EXPECT_EQ(launch.port, 12000 + 54321 % 20000);
  EXPECT_EQ(read(with(kSlurm, {{"MASTER_ADDR", "x"}, {"MASTER_PORT", "1234"}})).address, "x");
  EXPECT_EQ(read(with(kSlurm, {{"MASTER_ADDR", "x"}, {"MASTER_PORT", "1234"}})).port, 1234);
}

TEST(ReadLaunch, TheFirstNodeOfSlurmsList) {
  for (const auto& [list, first] : {std::pair{"a1", "a1"}, {"a1,b2", "a1"}, {"n[3,7-9]", "n3"}, {"n[003-128]-ib,x[1-2]", "n003-ib"}, {"a1,n[3-4]", "a1"}})
    EXPECT_EQ(read(with(kSlurm, {{"SLURM_STEP_NODELIST", list}})).address, first);
  EXPECT_THAT(message(with(kSlurm, {{"SLURM_STEP_NODELIST", "n[3"}})), HasSubstr("closing bracket"));
}

TEST(ReadLaunch, ABatchScriptsOwnProcessIsNotOneOfItsTasks) {
  EXPECT_EQ(read({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "16"}, {"SLURM_LOCALID", "0"}, {"SLURM_JOB_ID", "7"}}).world, 1);
}

TEST(ReadLaunch, OfMpirunAlsoWithinASlurmStep) {
  const auto launch = read(with(kSlurm, kOpenMpi));
  EXPECT_EQ(std::tie(launch.rank, launch.world, launch.local_rank, launch.local_world), std::make_tuple(2, 4, 2, 4));
  EXPECT_EQ(launch.address, "127.0.0.1");
  EXPECT_EQ(launch.port, 29500);
  EXPECT_EQ(launch.by, "Open MPI");
  const auto two_machines = with(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}});
  EXPECT_THAT(message(two_machines), HasSubstr("-x MASTER_ADDR"));
  EXPECT_EQ(read(with(two_machines, {{"MASTER_ADDR", "h"}})).address, "h");
}

TEST(ReadLaunch, TorchrunComesFirst) { EXPECT_EQ(read(with(with(kSlurm, kOpenMpi), kTorchrun)).by, "torchrun"); }

TEST(ReadLaunch, WhatMakesNoSenseIsRefusedByName) {
  EXPECT_THAT(message({{"RANK", "0"}}), HasSubstr("WORLD_SIZE is not set"));
  EXPECT_THAT(message({{"WORLD_SIZE", "2"}}), HasSubstr("RANK is not set"));
  EXPECT_THAT(message(with(kTorchrun, {{"RANK", "16"}})), HasSubstr("RANK: expected 0 to 15, got 16"));
  EXPECT_THAT(message(with(kTorchrun, {{"RANK", "-1"}})), HasSubstr("RANK"));
  EXPECT_THAT(message(with(kTorchrun, {{"WORLD_SIZE", "many"}})), HasSubstr("WORLD_SIZE: expected a whole number, got 'many'"));
  EXPECT_THAT(message(with(kTorchrun, {{"MASTER_PORT", "70000"}})), HasSubstr("MASTER_PORT: expected 1 to 65535"));
  EXPECT_THAT(message({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), HasSubstr("MASTER_ADDR"));
  EXPECT_THAT(message({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}}), HasSubstr("MASTER_PORT"));
  EXPECT_EQ(message({{"RANK", "0"}, {"WORLD_SIZE", "1"}}), "accepted");
}

}  // namespace
}  // namespace pal
