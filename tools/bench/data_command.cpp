#include "tools/bench/data_command.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "pal/audio/kaldi_fbank.h"
#include "pal/audio/whisper_mel.h"
#include "pal/core/check.h"
#include "pal/core/host_memory.h"
#include "pal/core/run_tasks.h"
#include "pal/core/tool.h"
#include "pal/data/manifest.h"
#include "pal/encoders/encoder.h"
#include "tools/command_line.h"

namespace pal {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct DataArguments {
  std::filesystem::path manifest;
  std::string frontend = "kaldi_fbank";
  int threads = 1;
  std::int64_t samples = 0;
  bool json = false;
};

// A front-end and the rate that it hears at.
struct Frontend {
  int sample_rate;
  std::function<torch::Tensor(const torch::Tensor&)> features;
};

Frontend frontend_of(const std::string& name) {
  if (name == "kaldi_fbank") return {KaldiFbank::sample_rate, [](const torch::Tensor& samples) { return kaldi_fbank(samples); }};
  if (name == "whisper128")
    return {WhisperMel::sample_rate, [](const torch::Tensor& samples) { return whisper_mel(samples.slice(0, 0, WhisperMel::window_samples), 128); }};
  user_error("--frontend: unknown front-end '{}'; known are kaldi_fbank, whisper128", name);
}

std::vector<Clip> clips_of(const DataArguments& a) {
  std::vector<Clip> clips;
  read_manifest(a.manifest, {}, [&](const Sample& sample) { clips.insert(clips.end(), sample.clips.begin(), sample.clips.end()); });
  PAL_CHECK(!clips.empty(), "{}: holds text-only samples alone; there is nothing to decode", a.manifest.string());
  return clips;
}

// Reads, decodes, resamples and gives to the front-end, over and over, each clip by one thread of its own.
class DataBench {
 public:
  explicit DataBench(const DataArguments& a) : a_(a), frontend_(frontend_of(a.frontend)), clips_(clips_of(a)) {
    count_ = a.samples > 0 ? a.samples : std::int64_t(clips_.size());
  }

  Json run() {
    const auto begin = Clock::now();
    run_tasks(count_, a_.threads, [this](std::int64_t i) { take(clips_[std::size_t(i % std::int64_t(clips_.size()))]); });
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    return {{"manifest", a_.manifest.string()},
            {"frontend", a_.frontend},
            {"threads", a_.threads},
            {"samples", count_},
            {"frames", frames_},
            {"audio_seconds", audio_seconds_},
            {"seconds", seconds.count()},
            {"samples_per_second", double(count_) / seconds.count()},
            {"resident_bytes_at_a_tenth", early_},
            {"resident_bytes", host_memory().resident()}};
  }

 private:
  void take(const Clip& clip) {
    thread_local const bool alone = (at::set_num_threads(1), true);  // one core a thread
    (void)alone;
    const auto samples = load_samples(clip.recording(), frontend_.sample_rate, {}, clip.segment);
    const auto features = frontend_.features(samples);
    const std::lock_guard lock(mutex_);
    audio_seconds_ += double(samples.size(0)) / frontend_.sample_rate;
    frames_ += features.size(0);
    if (++done_ == std::max<std::int64_t>(1, count_ / 10)) early_ = host_memory().resident();
  }

  DataArguments a_;
  Frontend frontend_;
  std::vector<Clip> clips_;
  std::int64_t count_ = 0;
  std::mutex mutex_;  // of what follows
  std::int64_t done_ = 0, frames_ = 0, early_ = 0;
  double audio_seconds_ = 0;
};

int run_data(const DataArguments& a) {
  PAL_CHECK(a.threads >= 1 && a.threads <= 1024, "--threads: expected 1 to 1024, got {}", a.threads);
  PAL_CHECK(a.samples >= 0, "--samples: expected at least 0, got {}", a.samples);
  const Json r = DataBench(a).run();
  if (a.json) {
    fmt::print("{}\n", r.dump());
    return kDone;
  }
  const auto mib = [&](const char* key) { return r[key].get<double>() / (1 << 20); };
  fmt::print("{}: {} samples ({:.1f} s of audio) through {} in {} thread(s): {:.2f} s, {:.1f} samples/s\n", a.manifest.string(), r["samples"].get<int64_t>(),
             r["audio_seconds"].get<double>(), a.frontend, a.threads, r["seconds"].get<double>(), r["samples_per_second"].get<double>());
  fmt::print("resident memory: {:.1f} MiB after a tenth of them, {:.1f} MiB at the end\n", mib("resident_bytes_at_a_tenth"), mib("resident_bytes"));
  return kDone;
}

}  // namespace

void add_data_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<DataArguments>();
  auto* command = app.add_subcommand("data", "Samples a second from files or shards through a front-end, and the memory that it takes");
  command->add_option("--manifest", a->manifest, "JSON lines, a JSON array, or an index of shards; docs/data.md")->required();
  command->add_option("--frontend", a->frontend, "kaldi_fbank or whisper128")->capture_default_str();
  command->add_option("--threads", a->threads, "threads, each with one core")->capture_default_str();
  command->add_option("--samples", a->samples, "how many, going through the manifest again and again; 0: each once")->capture_default_str();
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer("tools/bench_data.py compares it with the same work in Python.\n"
                  "Example: pal-bench data --manifest assets/clips/test.jsonl");
  command->callback([a, &run] { run = [a] { return run_data(*a); }; });
}

}  // namespace pal
