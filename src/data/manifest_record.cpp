#include "manifest_record.h"

#include "pal/core/check.h"
#include "pal/core/json_lines.h"

namespace pal {

namespace {

using Json = nlohmann::json;

bool has(const Json& json, const char* key) { return json.contains(key) && !json[key].is_null(); }

std::string text_at(const Json& json, const char* key) {
  PAL_CHECK(json[key].is_string() && !json[key].get_ref<const std::string&>().empty(), "'{}' must be a text that is not empty", key);
  return json[key];
}

// A list of texts that are not empty; nothing where the key is absent.
std::vector<std::string> texts_at(const Json& json, const char* key) {
  std::vector<std::string> texts;
  if (!has(json, key)) return texts;
  PAL_CHECK(json[key].is_array() && !json[key].empty(), "'{}' must be a list that is not empty", key);
  for (const Json& item : json[key]) {
    PAL_CHECK(item.is_string() && !item.get_ref<const std::string&>().empty(), "'{}' must hold texts that are not empty", key);
    texts.push_back(item);
  }
  return texts;
}

// The form that the object has says by which key its recordings are named.
const char* audio_key(const Json& json) {
  const char* used = nullptr;
  for (const char* key : {"audio", "audios", "audio_id"}) {
    if (!has(json, key)) continue;
    PAL_CHECK(used == nullptr, "'{}' and '{}' both name recordings; use one", used, key);
    used = key;
  }
  return used;
}

void add_clip(const Json& name, const char* key, const std::string& folder, std::vector<Clip>& clips) {
  PAL_CHECK(name.is_string() && !name.get_ref<const std::string&>().empty(), "'{}' must be a path or a list of paths", key);
  const auto& path = name.get_ref<const std::string&>();
  PAL_CHECK(path.find('\0') == std::string::npos, "'{}': a zero byte in a path", key);
  clips.push_back({path.front() == '/' || folder.empty() ? path : folder + "/" + path, {}});
}

double seconds_at(const Json& json, const char* key) {
  PAL_CHECK(json[key].is_number() && json[key].get<double>() >= 0, "'{}' must be seconds, at least 0", key);
  return json[key];
}

// One number for one clip, or a list with one for each.
void read_numbers(const Json& json, const char* key, std::int64_t least, std::int64_t Clip::*field, std::vector<Clip>& clips) {
  constexpr std::int64_t kMost = std::int64_t{1} << 60;
  const Json values = json[key].is_array() ? json[key] : Json::array({json[key]});
  PAL_CHECK(values.size() == clips.size(), "'{}' must have a number for each clip, but has {} for {}", key, values.size(), clips.size());
  for (std::size_t i = 0; i < clips.size(); ++i) {
    PAL_CHECK(values[i].is_number_integer() && values[i] >= least && values[i] <= kMost, "'{}' must be bytes, whole numbers of at least {}", key, least);
    clips[i].*field = values[i];
  }
}

void read_places(const Json& json, std::vector<Clip>& clips) {
  PAL_CHECK(has(json, "offset") == has(json, "bytes"), "'offset' and 'bytes' say together where a recording is in its file; one is missing");
  if (!has(json, "offset")) return;
  read_numbers(json, "offset", 0, &Clip::offset, clips);
  read_numbers(json, "bytes", 1, &Clip::bytes, clips);
}

std::vector<Clip> read_clips(const Json& json, const std::string& folder) {
  std::vector<Clip> clips;
  if (const char* key = audio_key(json)) {
    if (json[key].is_array())
      for (const Json& name : json[key]) add_clip(name, key, folder, clips);
    else
      add_clip(json[key], key, folder, clips);
  }
  read_places(json, clips);
  for (const char* key : {"start", "end"})
    PAL_CHECK(!has(json, key) || clips.size() == 1, "'{}' needs exactly one clip, but there are {}", key, clips.size());
  if (has(json, "start")) clips[0].segment.start = seconds_at(json, "start");
  if (has(json, "end")) clips[0].segment.end = seconds_at(json, "end");
  if (!clips.empty() && clips[0].segment.end)
    PAL_CHECK(*clips[0].segment.end > clips[0].segment.start, "'end' must be after 'start'");
  return clips;
}

std::vector<Message> read_messages(const Json& json) {
  PAL_CHECK(json["messages"].is_array() && !json["messages"].empty(), "'messages' must be a list that is not empty");
  std::vector<Message> messages;
  messages.reserve(json["messages"].size());
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

std::vector<std::string> read_labels(const Json& json) {
  PAL_CHECK(!has(json, "label") || !has(json, "labels"), "'label' and 'labels' both name classes; use one");
  if (has(json, "label")) return {text_at(json, "label")};
  return texts_at(json, "labels");
}

// LTU's `input` is what was spoken: it stands behind the question, as Alpaca's template has it.
std::string question_of(const Json& json) {
  auto question = text_at(json, "instruction");
  if (!has(json, "input")) return question;
  PAL_CHECK(json["input"].is_string(), "'input' must be a text");
  const auto& input = json["input"].get_ref<const std::string&>();
  return input.empty() ? question : question + "\n" + input;
}

std::vector<Message> dialogue_of(const Json& json, const Sample& sample, const std::vector<std::string>& captions,
                                 const PromptOptions& options) {
  if (has(json, "messages")) return read_messages(json);
  if (has(json, "instruction")) {
    PAL_CHECK(has(json, "output"), "'instruction' needs an 'output'");
    return {{"user", question_of(json)}, {"assistant", text_at(json, "output")}};
  }
  if (!sample.labels.empty())
    return {{"user", options.question}, {"assistant", answer_of_label(options, fmt::format("{}", fmt::join(sample.labels, "; ")))}};
  PAL_CHECK(!captions.empty(), "one of 'messages', 'instruction' with 'output', 'label', 'labels' or 'captions' is needed");
  return {{"user", options.question}, {"assistant", captions.front()}};
}

// The right answers where they are others than the one that is given.
std::vector<std::string> read_references(const Json& json, const Sample& sample, std::vector<std::string> captions,
                                         const PromptOptions& options) {
  auto references = texts_at(json, "references");
  if (references.empty()) references = std::move(captions);
  const bool asked_for_labels = !has(json, "messages") && !has(json, "instruction");
  if (references.empty() && sample.labels.size() > 1 && asked_for_labels)
    for (const auto& label : sample.labels) references.push_back(answer_of_label(options, label));
  if (references.size() == 1 && references.front() == sample.messages.back().content) references.clear();
  references.shrink_to_fit();
  return references;
}

}  // namespace

Sample sample_of(const Json& object, const std::string& folder, const PromptOptions& options, std::size_t number) {
  Sample sample;
  sample.id = has(object, "id") ? required_id(object) : std::to_string(number);
  PAL_CHECK(!sample.id.empty(), "'id' must not be empty");
  sample.clips = read_clips(object, folder);
  sample.labels = read_labels(object);
  auto captions = texts_at(object, "captions");
  sample.messages = dialogue_of(object, sample, captions, options);
  sample.captioned = !captions.empty() && sample.labels.empty() && !has(object, "messages") && !has(object, "instruction");
  sample.references = read_references(object, sample, std::move(captions), options);
  if (!options.system.empty() && sample.messages.front().role != "system")
    sample.messages.insert(sample.messages.begin(), {"system", options.system});
  return sample;
}

std::string split_of(const Json& object) {
  if (!has(object, "split")) return "";
  return text_at(object, "split");
}

}  // namespace pal
