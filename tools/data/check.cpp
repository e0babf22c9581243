// pal-data check: what is wrong with the recordings of a manifest.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/printable.h"
#include "pal/core/suggest.h"
#include "pal/core/tool.h"
#include "pal/data/audio_check.h"
#include "tools/data/data.h"

namespace pal {

namespace {

struct CheckArguments {
  std::filesystem::path manifest, json;
  std::string split;
  AudioLimits limits;
  int jobs = 0, rate = 0;
  std::size_t shown = 3;
  std::vector<std::string> fatal = {"unreadable"};
  bool force = false;
};

// The names that --fatal gives, none by "none".
std::vector<std::string> fatal_classes(const CheckArguments& a) {
  if (a.fatal == std::vector<std::string>{"none"}) return {};
  std::vector<std::string> known;
  for (auto problem : kAudioProblems) known.push_back(name_of(problem));
  for (const auto& name : a.fatal)
    PAL_CHECK(std::ranges::count(known, name) > 0, "--fatal: unknown class '{}'{}", name, suggestion(name, known, "known are none and"));
  return a.fatal;
}

void check_arguments(const CheckArguments& a) {
  PAL_CHECK(a.jobs >= 0 && a.jobs <= 1024, "--jobs: expected 1 to 1024, or 0 for all cores, got {}", a.jobs);
  PAL_CHECK(a.rate >= 0, "--rate: expected a sample rate in Hz, got {}", a.rate);
  PAL_CHECK(a.limits.min_seconds >= 0 && a.limits.max_seconds > a.limits.min_seconds, "--min-seconds {} and --max-seconds {}: nothing is between them",
            a.limits.min_seconds, a.limits.max_seconds);
  PAL_CHECK(a.limits.clipped_share >= 0 && a.limits.clipped_share < 1, "--clipped-share: expected 0 up to 1, got {}", a.limits.clipped_share);
  PAL_CHECK(a.json.empty() || a.force || !std::filesystem::exists(a.json), "{}: is there already; give --force to write over it", a.json.string());
}

ClipList clips_of(const CheckArguments& a) {
  ClipList clips;
  read_manifest({a.manifest, a.split}, {}, [&](const Sample& sample) { clips.add(sample); });
  PAL_CHECK(!clips.entries().empty(), "{}: holds text-only samples alone; there is nothing to decode", a.manifest.string());
  return clips;
}

AudioReport check(const CheckArguments& a, const ClipList& clips) {
  const int jobs = a.jobs > 0 ? a.jobs : int(std::max(1u, std::thread::hardware_concurrency()));
  const auto count = std::int64_t(clips.entries().size());
  spdlog::info("decoding {} clips in {} threads", count, jobs);
  const std::int64_t step = std::max<std::int64_t>(count / 10, 10000);
  return check_audio(clips, a.limits, jobs, [&](std::int64_t done) {
    if (done % step == 0) spdlog::info("{} of {}", done, count);
  });
}

// A file name in the user's manifest may hold bytes that are no UTF-8; the rest of the report must not be lost for it.
std::string dump(const nlohmann::ordered_json& json) { return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace); }

void write_json(const CheckArguments& a, const AudioReport& report) {
  nlohmann::ordered_json classes;
  for (auto problem : kAudioProblems) classes[name_of(problem)] = {{"count", 0}, {"clips", nlohmann::ordered_json::array()}};
  for (const auto& finding : report.findings) {
    auto& one = classes[name_of(finding.problem)];
    nlohmann::ordered_json clip = {{"audio", finding.clip.path}, {"start", finding.clip.segment.start}, {"id", finding.id}, {"what", finding.what}};
    if (finding.clip.segment.end) clip["end"] = *finding.clip.segment.end;
    if (finding.clip.bytes > 0) clip.update({{"offset", finding.clip.offset}, {"bytes", finding.clip.bytes}});
    one["clips"].push_back(std::move(clip));
    one["count"] = one["clips"].size();
  }
  const nlohmann::ordered_json all = {{"manifest", a.manifest.string()}, {"clips", report.clips}, {"seconds", report.seconds}, {"classes", classes}};
  write_file_atomically(a.json, dump(all) + "\n");
}

void print_table(const CheckArguments& a, const AudioReport& report) {
  fmt::print("{:<12} {:>10} {:>8}  first\n", "class", "clips", "share");
  for (auto problem : kAudioProblems) {
    const auto count = report.count(problem);
    fmt::print("{:<12} {:>10} {:>6.2f} %", name_of(problem), count, 100.0 * double(count) / double(report.clips));
    std::size_t shown = 0;
    for (const auto& finding : report.findings) {
      if (finding.problem != problem || shown == a.shown) continue;
      const bool named = finding.what.starts_with(finding.clip.path);  // what the decoder says does so itself
      fmt::print("{}{}{}\n", shown++ == 0 ? "  " : std::string(35, ' '), named ? "" : printable(finding.clip.path) + ": ", printable(finding.what));
    }
    if (shown == 0) fmt::print("\n");
    if (count > std::int64_t(shown) && shown > 0) fmt::print("{}...\n", std::string(35, ' '));
  }
  fmt::print("{:<12} {:>10}  {:.1f} s decoded\n", "all", report.clips, report.seconds);
}

int run_check(CheckArguments a) {
  check_arguments(a);
  const auto fatal = fatal_classes(a);
  if (a.rate > 0) a.limits.sample_rate = a.rate;
  const auto report = check(a, clips_of(a));
  if (!a.json.empty()) write_json(a, report);
  print_table(a, report);
  const bool failed = std::ranges::any_of(report.findings, [&](const auto& finding) { return std::ranges::count(fatal, name_of(finding.problem)) > 0; });
  if (failed) spdlog::error("{}: has clips of a class that --fatal names ({})", a.manifest.string(), fmt::join(fatal, ", "));
  return failed ? kFailed : kDone;
}

}  // namespace

void add_check_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<CheckArguments>();
  auto* command = app.add_subcommand("check", "Decodes every clip of a manifest and says which are unreadable, silent, clipped, too short, too long, or of another rate");
  command->add_option("--manifest", a->manifest, "JSON lines or a JSON array; docs/data.md")->required();
  command->add_option("--split", a->split, "the samples of this split alone");
  command->add_option("--jobs", a->jobs, "threads; 0: as many as there are cores")->capture_default_str();
  command->add_option("--min-seconds", a->limits.min_seconds, "shorter clips are too short")->capture_default_str();
  command->add_option("--max-seconds", a->limits.max_seconds, "longer clips are too long, and not decoded")->capture_default_str();
  command->add_option("--rate", a->rate, "Hz; clips of another sample rate are of the wrong one (default: every rate will do)");
  command->add_option("--silent-below", a->limits.silent_below, "dB of full scale; clips without a louder sample are silent")->capture_default_str();
  command->add_option("--clipped-share", a->limits.clipped_share, "clips with more of their samples at full scale are clipped")->capture_default_str();
  command->add_option("--fatal", a->fatal, "classes that end the program with exit code 1, or none")->delimiter(',')->capture_default_str();
  command->add_option("--show", a->shown, "clips that are named in each class")->capture_default_str();
  command->add_option("--json", a->json, "write everything that was found to this file");
  command->add_flag("--force", a->force, "write over a file that is there already");
  command->footer("Exit codes: 0 nothing of the classes that --fatal names, 1 some of it, 2 wrong input.\n"
                  "Example: pal-data check --manifest assets/clips/test.jsonl --rate 44100");
  command->callback([a, &run] { run = [a] { return run_check(*a); }; });
}

}  // namespace pal
