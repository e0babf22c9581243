#include "pal/eval/probe.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {

namespace {

// A permutation of one circle (Sattolo 1986): for 2 or more, nothing stays in its place.
std::vector<int64_t> circle(int64_t count, RandomStream random) {
  std::vector<int64_t> order(std::size_t(std::max<int64_t>(count, 0)));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = count - 1; i > 0; --i) std::swap(order[std::size_t(i)], order[random.below(uint64_t(i))]);
  return order;
}

class Probing {
 public:
  Probing(PalModel& model, const Collator& collator, const std::vector<Sample>& samples, const EvaluationOptions& options, const ProbeOptions& how,
          const std::function<void(const ProbeRow&)>& told)
      : model_(model), collator_(collator), samples_(samples), options_(options), how_(how), told_(told) {}
  ~Probing() { model_.probe({}); }
  Probing(const Probing&) = delete;
  Probing& operator=(const Probing&) = delete;

  ProbeReport run() {
    ProbeRow uncut{.control = "uncut", .number = {}, .not_applicable = {}, .score = score({}, samples_), .difference = {}};
    report_.uncut = uncut.score;
    if (told_) told_(uncut);
    for (const auto& control : probe_controls()) {
      if (!how_.controls.empty() && std::ranges::count(how_.controls, control) == 0) continue;
      if (control == "layer" || control == "from_layer") {
        cut_layers(control);
      } else if (control == "head_group") {
        cut_heads(control);
      } else if (control == "other_clip") {
        other_clip(control);
      } else {
        AudioProbe probe;
        if (control == "shuffled") probe.order = shuffled_order(how_.seed);
        add(control, {}, score(std::move(probe), samples_, control == "withheld"));
      }
    }
    return std::move(report_);
  }

 private:
  Score score(AudioProbe probe, const std::vector<Sample>& samples, bool withhold = false) {
    model_.probe(std::move(probe));
    return evaluate(model_, collator_, samples, options_, withhold).score;
  }

  void add(const std::string& control, std::optional<int64_t> number, Score score) {
    ProbeRow row{control, number, "", std::move(score), {}};
    if (!report_.uncut.per_sample.empty()) row.difference = compare_paired(row.score.per_sample, report_.uncut.per_sample);
    add(std::move(row));
  }
  void add(ProbeRow row) {
    if (told_) told_(row);
    report_.rows.push_back(std::move(row));
  }
  void add_not_applicable(const std::string& control, const std::string& why) { add(ProbeRow{control, {}, why, {}, {}}); }

  // The layers that read a LAL stream.
  std::vector<int64_t> reading_layers() const {
    std::vector<int64_t> reading;
    for (int64_t layer = 0; layer < layers(); ++layer)
      if (std::ranges::any_of(model_.places(), [&](const auto& place) { return place.integration == Integration::kLal && place.layers[std::size_t(layer)]; }))
        reading.push_back(layer);
    return reading;
  }
  int64_t layers() const { return model_.llm()->options.layers; }
  int64_t groups() const { return model_.llm()->options.kv_heads; }

  void cut_layers(const std::string& control) {
    const auto reading = reading_layers();
    if (reading.empty()) return add_not_applicable(control, "no stream is read by lal: plits tokens are part of the sequence at every layer");
    for (int64_t layer : reading) {
      std::vector<bool> flags(std::size_t(layers()), false);
      std::fill(flags.begin() + layer, control == "layer" ? flags.begin() + layer + 1 : flags.end(), true);
      add(control, layer, score({AudioCut::of_layers(flags, groups()), {}}, samples_));
    }
  }

  void cut_heads(const std::string& control) {
    if (reading_layers().empty()) return add_not_applicable(control, "no stream is read by lal: plits tokens are part of the sequence for every head");
    for (int64_t group = 0; group < groups(); ++group) add(control, group, score({AudioCut::of_group(group, layers(), groups()), {}}, samples_));
  }

  void other_clip(const std::string& control) {
    std::vector<Sample> others;
    try {
      others = with_other_clips(samples_, how_.seed);
    } catch (const UserError& problem) {
      return add_not_applicable(control, problem.what());
    }
    add(control, {}, score({}, others));
  }

  PalModel& model_;
  const Collator& collator_;
  const std::vector<Sample>& samples_;
  const EvaluationOptions& options_;
  const ProbeOptions& how_;
  const std::function<void(const ProbeRow&)>& told_;
  ProbeReport report_;
};

}  // namespace

const std::vector<std::string>& probe_controls() {
  static const std::vector<std::string> controls{"layer", "from_layer", "head_group", "other_clip", "shuffled", "withheld"};
  return controls;
}

ProbeReport probe(PalModel& model, const Collator& collator, const std::vector<Sample>& samples, const EvaluationOptions& options,
                  const ProbeOptions& how, const std::function<void(const ProbeRow&)>& told) {
  for (const auto& control : how.controls)
    PAL_CHECK(std::ranges::count(probe_controls(), control) > 0, "probe: control '{}' is not known; there are: {}", control, fmt::join(probe_controls(), ", "));
  PAL_CHECK(std::ranges::any_of(samples, [](const auto& sample) { return !sample.clips.empty(); }), "probe: no sample has a clip, so nothing is listened to");
  return Probing(model, collator, samples, options, how, told).run();
}

std::vector<Sample> with_other_clips(const std::vector<Sample>& samples, uint64_t seed) {
  std::map<std::string, const Clip*> different;
  for (const auto& sample : samples)
    for (const auto& clip : sample.clips) different.emplace(clip.key(), &clip);
  PAL_CHECK(different.size() > 1, "there is only one clip, and no other to take its place");
  std::vector<const Clip*> clips;
  for (const auto& [key, clip] : different) clips.push_back(clip);
  const auto order = circle(int64_t(clips.size()), RandomStream(stream_seed(seed, "other clip")));
  std::map<std::string, const Clip*> other;
  for (std::size_t i = 0; i < clips.size(); ++i) other[clips[i]->key()] = clips[std::size_t(order[i])];
  auto changed = samples;
  for (auto& sample : changed)
    for (auto& clip : sample.clips) clip = *other.at(clip.key());
  return changed;
}

TokenOrder shuffled_order(uint64_t seed) {
  return [seed](const std::string& sample, int64_t clip, int64_t tokens) {
    return circle(tokens, RandomStream(stream_seed(seed, "order of " + sample, uint64_t(clip))));
  };
}

nlohmann::ordered_json to_json(const ProbeReport& report) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : report.rows) {
    nlohmann::ordered_json line = {{"control", row.control}};
    if (row.number) line[row.control == "head_group" ? "head_group" : "layer"] = *row.number;
    if (!row.not_applicable.empty()) {
      line["not_applicable"] = row.not_applicable;
    } else {
      line.update(nlohmann::ordered_json::parse(to_json(row.score)));
      if (row.difference)
        line.update({{"difference", row.difference->difference}, {"p_value", row.difference->p_value}, {"test", row.difference->test}});
    }
    rows.push_back(std::move(line));
  }
  return {{"uncut", nlohmann::ordered_json::parse(to_json(report.uncut))}, {"rows", rows}};
}

}  // namespace pal
