#include "pal/metrics/spice.h"

#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "java.h"
#include "pal/core/check.h"
#include "pal/core/child_process.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"
#include "pal/core/temporary_folder.h"

namespace pal {

namespace {

using nlohmann::json;

void run(const std::vector<std::string>& command, double seconds) {
  try {
    ChildProcess(command, seconds, "spice's jar").wait();
  } catch (const UserError& error) {
    const bool lacks_parser = std::string_view(error.what()).find("edu/stanford/nlp") != std::string_view::npos;
    user_error("{}{}", error.what(), lacks_parser ? "; hint: Stanford CoreNLP 3.6 and its models must lie in lib/ beside the jar" : "");
  }
}

std::string input(std::span<const CaptionWords> clips) {
  const auto text = [](const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); };
  json all = json::array();
  for (const CaptionWords& clip : clips) {
    json references = json::array();
    for (const auto& reference : clip.references) references.push_back(text(reference));
    all.push_back({{"image_id", all.size()}, {"test", text(clip.candidate)}, {"refs", references}});
  }
  return all.dump();
}

std::vector<double> scores(const json& found, std::size_t clips) {
  std::vector<double> all(clips, NAN);
  for (const json& one : found) {
    const auto clip = one.at("image_id").get<std::size_t>();
    all.at(clip) = one.at("scores").at("All").at("f").get<double>();
  }
  for (std::size_t i = 0; i < clips; ++i) PAL_CHECK(!std::isnan(all[i]), "spice: the jar gave no score of clip {}", i);
  return all;
}

}  // namespace

std::vector<double> spice(std::span<const CaptionWords> clips, const std::filesystem::path& jar, double seconds) {
  const TemporaryFolder folder;
  const auto in = folder / "in.json", out = folder / "out.json";
  const auto command = detail::java_command("spice", jar, "8G", {in.string(), "-out", out.string(), "-subset", "-silent"});
  write_file_atomically(in, input(clips));
  run(command, seconds);
  PAL_CHECK(std::filesystem::exists(out), "spice: the jar wrote no result");
  const json found = parse_strict_json(read_file(out), "spice: the jar's result", 16);
  try {
    return scores(found, clips.size());
  } catch (const std::exception& problem) {  // of json, and of a clip that was not asked for
    user_error("spice: the jar's result is not as expected: {:.300}", problem.what());
  }
}

}  // namespace pal
