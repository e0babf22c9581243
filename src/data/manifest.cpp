#include "pal/data/manifest.h"

#include <set>

#include "pal/core/check.h"
#include "pal/core/json_lines.h"

namespace pal {

namespace {

using Json = nlohmann::json;

std::string text_at(const Json& json, const char* key) {
  PAL_CHECK(json[key].is_string() && !json[key].get_ref<const std::string&>().empty(), "'{}' must be a text that is not empty",
            key);
  return json[key];
}

std::vector<Clip> read_clips(const Json& json, const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (json.contains("audio")) {
    const Json& audio = json["audio"];
    PAL_CHECK(audio.is_string() || audio.is_array(), "'audio' must be a path or a list of paths");
    for (const Json& item : audio.is_array() ? audio : Json::array({audio})) {
      PAL_CHECK(item.is_string() && !item.get_ref<const std::string&>().empty(), "'audio' must hold paths");
      names.push_back(item);
    }
  }
  std::vector<Clip> clips;
  for (const auto& name : names) clips.push_back({folder / name, {}});
  for (const char* key : {"start", "end"}) {
    if (!json.contains(key) || json[key].is_null()) continue;
    PAL_CHECK(json[key].is_number() && json[key].get<double>() >= 0, "'{}' must be seconds, at least 0", key);
    PAL_CHECK(clips.size() == 1, "'{}' needs exactly one clip, but there are {}", key, clips.size());
    if (key[0] == 's')
      clips[0].segment.start = json[key];
    else
      clips[0].segment.end = json[key].get<double>();
  }
  return clips;
}

std::vector<Message> read_messages(const Json& json) {
  PAL_CHECK(json["messages"].is_array() && !json["messages"].empty(), "'messages' must be a list that is not empty");
  std::vector<Message> messages;
  for (const Json& item : json["messages"]) {
    PAL_CHECK(item.is_object() && item.contains("role") && item.contains("content") && item["content"].is_string(),
              "each message must have a 'role' and a 'content'");
    const auto role = text_at(item, "role");
    PAL_CHECK(role == "system" || role == "user" || role == "assistant",
              "the role '{}' is not known; use system, user or assistant", role);
    messages.push_back({role, item["content"]});
  }
  PAL_CHECK(messages.back().role == "assistant", "the last message must be the assistant's: it is what is learned or scored");
  return messages;
}

std::string replace_label(std::string text, const std::string& label) {
  for (std::size_t at = 0; (at = text.find("{label}", at)) != std::string::npos; at += label.size()) text.replace(at, 7, label);
  return text;
}

void read_dialogue(const Json& json, const PromptOptions& options, Sample& sample) {
  if (json.contains("label")) sample.label = text_at(json, "label");
  if (json.contains("messages")) {
    sample.messages = read_messages(json);
  } else if (json.contains("instruction")) {
    PAL_CHECK(json.contains("output"), "'instruction' needs an 'output'");
    sample.messages = {{"user", text_at(json, "instruction")}, {"assistant", text_at(json, "output")}};
  } else {
    PAL_CHECK(!sample.label.empty(), "one of 'messages', 'instruction' with 'output', or 'label' is needed");
    sample.messages = {{"user", options.question}, {"assistant", replace_label(options.answer, sample.label)}};
  }
  if (!options.system.empty() && sample.messages.front().role != "system")
    sample.messages.insert(sample.messages.begin(), {"system", options.system});
}

Sample read_sample(const Json& json, const std::filesystem::path& folder, const PromptOptions& options) {
  Sample sample;
  sample.id = required_id(json);
  sample.clips = read_clips(json, folder);
  read_dialogue(json, options, sample);
  if (json.contains("references")) {
    PAL_CHECK(json["references"].is_array() && !json["references"].empty(), "'references' must be a list that is not empty");
    for (const Json& item : json["references"]) {
      PAL_CHECK(item.is_string(), "'references' must hold texts");
      sample.references.push_back(item);
    }
  } else {
    sample.references.push_back(sample.messages.back().content);
  }
  return sample;
}

}  // namespace

std::vector<Sample> read_manifest(const std::filesystem::path& path, const PromptOptions& options) {
  std::vector<Sample> samples;
  std::set<std::string> ids;
  read_json_lines(path, [&](const Json& json) {
    auto sample = read_sample(json, path.parent_path(), options);
    PAL_CHECK(ids.insert(sample.id).second, "id '{}' stands twice", sample.id);
    samples.push_back(std::move(sample));
  });
  return samples;
}

void check_recordings(const std::vector<Sample>& samples, const std::filesystem::path& manifest) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> missing;
  std::set<std::filesystem::path> seen;
  for (const auto& sample : samples)
    for (const auto& clip : sample.clips)
      if (seen.insert(clip.path).second && !std::filesystem::exists(clip.path))
        missing.push_back(fmt::format("{} (sample '{}')", clip.path.string(), sample.id));
  const std::size_t count = missing.size();
  if (count > kShown) missing.resize(kShown);
  PAL_CHECK(count == 0, "{}: {} of {} recordings are not there:\n  {}{}", manifest.string(), count, seen.size(),
            fmt::join(missing, "\n  "), count > kShown ? "\n  ..." : "");
}

std::vector<Message> prompt_of(const Sample& sample) {
  return {sample.messages.begin(), sample.messages.end() - 1};
}

}  // namespace pal
