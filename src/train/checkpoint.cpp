#include "pal/train/checkpoint.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/logging.h"
#include "pal/core/strict_json.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

constexpr const char* kModel = "model";
constexpr const char* kOptimizer = "optimizer";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kState = "state.json";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kBest = "best";
constexpr int kDeepest = 64;  // levels of these two; whoever hands on a checkpoint may have written anything
constexpr const char* kTemporary = ".tmp-";
constexpr int kFormat = 1;

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  PAL_CHECK(descriptor >= 0, "{}: cannot be opened: {}", folder.string(), std::strerror(errno));
  const int result = ::fsync(descriptor), error = errno;
  ::close(descriptor);
  // Some file systems cannot sync a folder; that is no reason to fail the write.
  PAL_CHECK(result == 0 || error == EINVAL, "{}: cannot be written to disk: {}", folder.string(),
            std::strerror(error));
}

// "model.safetensors", or "model-00002-of-00004.safetensors" of the second of four processes.
std::string part_name(const std::string& kind, std::int64_t process, std::int64_t processes) {
  return processes == 1 ? kind + ".safetensors" : fmt::format("{}-{:05}-of-{:05}.safetensors", kind, process + 1, processes);
}

fs::path temporary_name(const fs::path& folder) {
  return folder.string() + kTemporary + std::to_string(::getpid());
}

}  // namespace

// A folder that is being written, locked as long as its process lives, and removed with this
// object unless it was renamed. The lock tells it from a killed writer's: process ids are given out again.
class CheckpointDraft::Folder {
 public:
  explicit Folder(const fs::path& target) : path_(temporary_name(target)) {
    std::error_code error;
    fs::remove_all(path_, error);
    fs::create_directories(path_, error);
    PAL_CHECK(!error, "{}: cannot be made: {}", path_.string(), error.message());
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::flock(descriptor_,
            LOCK_EX | LOCK_NB);  // where locks are unknown, remove_leftovers() leaves such folders alone
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    ::close(descriptor_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }

  // Gives the folder its final name. What had that name before gets the temporary one, and goes with this
  // object.
  void rename_to(const fs::path& target) {
    std::error_code ignored;
    if (!fs::exists(target, ignored)) return move(path_, target);
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
    // A file system that cannot exchange two names: for a moment neither the old nor the new one has this
    // name.
    const fs::path old = path_.string() + "-old";
    move(target, old);
    try {
      move(path_, target);
    } catch (...) {
      fs::rename(old, target, ignored);
      throw;
    }
    fs::remove_all(old, ignored);
  }

 private:
  static void move(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    PAL_CHECK(!error, "{}: cannot be renamed to {}: {}", from.string(), to.string(), error.message());
  }

  fs::path path_;
  int descriptor_ = -1;
};

namespace {

// The step of a folder named step-N.
std::optional<std::int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with("step-")) return std::nullopt;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto result = std::from_chars(name.data() + 5, end, step);
  if (result.ec != std::errc() || result.ptr != end || step < 0) return std::nullopt;
  return step;
}

// The folders step-N of `parent`, the newest first.
std::vector<fs::path> step_folders(const fs::path& parent) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent, error))
    if (const auto step = step_of(entry.path())) found.emplace_back(*step, entry.path());
  PAL_CHECK(!error || error == std::errc::no_such_file_or_directory, "{}: cannot be listed: {}",
            parent.string(), error.message());
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> folders;
  for (auto& [step, path] : found) folders.push_back(std::move(path));
  return folders;
}

std::string step_name(std::int64_t step) { return fmt::format("step-{:08}", step); }

// Out of sight in one move, so that no half-removed checkpoint has a checkpoint's name.
void remove_checkpoint(const fs::path& folder) {
  const fs::path hidden = temporary_name(folder);
  std::error_code error;
  fs::rename(folder, hidden, error);
  if (!error) fs::remove_all(hidden, error);
  if (error) spdlog::warn("{}: the old checkpoint cannot be removed: {}", folder.string(), error.message());
}

void check_file(const fs::path& path, const nlohmann::json& expected) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  PAL_CHECK(!error, "{}: cannot be read: {}", path.string(), error.message());
  const auto bytes = expected.at("bytes").get<std::uint64_t>();
  PAL_CHECK(size == bytes, "{}: has {} bytes, but the manifest says {}", path.string(), size, bytes);
  PAL_CHECK(sha256_of_file(path) == expected.at("sha256").get<std::string>(),
            "{}: does not have the SHA-256 of the manifest; the file is damaged", path.string());
}

}  // namespace

TensorMap Checkpoint::load_model() const {
  const auto source = open_model();
  TensorMap tensors;
  for (const auto& name : source->names()) tensors[name] = source->load(name);
  return tensors;
}

std::unique_ptr<TensorSource> Checkpoint::open_model() const { return open_tensors(folder / (fs::exists(folder / kIndex) ? kIndex : part_name(kModel, 0, 1))); }

TensorMap Checkpoint::load_optimizer() const {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const auto name = entry.path().filename().string(); name.starts_with(kOptimizer) && name.ends_with(".safetensors")) files.push_back(entry.path());
  TensorMap tensors;
  for (const auto& file : files) tensors.merge(map_safetensors(file));
  return tensors;
}

nlohmann::json Checkpoint::load_state() const { return parse_strict_json(read_file(folder / kState), (folder / kState).string(), kDeepest); }

nlohmann::json write_part(const fs::path& folder, const CheckpointPart& part) {
  nlohmann::json written = {{"files", nlohmann::json::object()}, {"model", nlohmann::json::object()}};
  const auto write = [&](const char* kind, const TensorMap& tensors) {
    const auto name = part_name(kind, part.process, part.processes);
    save_safetensors(folder / name, tensors);
    written["files"][name] = {{"bytes", fs::file_size(folder / name)}, {"sha256", sha256_of_file(folder / name)}};
    return name;
  };
  const auto file = write(kModel, part.model);
  for (const auto& [name, tensor] : part.model) written["model"][name] = file;
  if (!part.optimizer.empty()) write(kOptimizer, part.optimizer);
  return written;
}

CheckpointDraft::CheckpointDraft(const fs::path& target)
    : target_(target.has_filename() ? target : target.parent_path()), temporary_(std::make_unique<Folder>(target_)) {}  // "final/" is "final"

CheckpointDraft::~CheckpointDraft() = default;

const fs::path& CheckpointDraft::folder() const { return temporary_->path(); }

Checkpoint CheckpointDraft::publish(std::int64_t step, const std::vector<nlohmann::json>& parts, const nlohmann::json& state) {
  nlohmann::json files, weights = nlohmann::json::object();
  for (const auto& part : parts) {
    files.update(part.at("files"));
    weights.update(part.at("model"));
  }
  const auto write = [&](const char* name, const nlohmann::json& content) {
    const auto text = content.dump(1) + "\n";
    write_file_atomically(folder() / name, text);
    files[name] = {{"bytes", text.size()}, {"sha256", sha256(text)}};
  };
  if (parts.size() > 1) write(kIndex, {{"metadata", nlohmann::json::object()}, {"weight_map", weights}});
  write(kState, state);
  const std::string manifest = nlohmann::json{{"format", kFormat}, {"step", step}, {"files", files}}.dump(1) + "\n";
  write_file_atomically(folder() / kManifest, manifest);
  temporary_->rename_to(target_);
  sync_folder(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
  return {target_, step, sha256(manifest)};
}

Checkpoint write_checkpoint(const fs::path& target, std::int64_t step, const CheckpointContent& content) {
  CheckpointDraft draft(target);
  const auto part = write_part(draft.folder(), {.model = content.model, .optimizer = content.optimizer});
  return draft.publish(step, {part}, content.state);
}

Checkpoint open_checkpoint(const fs::path& folder) {
  std::error_code error;
  PAL_CHECK(fs::is_directory(folder, error), "{}: there is no such checkpoint folder", folder.string());
  PAL_CHECK(fs::exists(folder / kManifest, error), "{}: has no {}; it is no checkpoint or not a whole one",
            folder.string(), kManifest);
  const std::string text = read_file(folder / kManifest);
  try {
    const auto manifest = parse_strict_json(text, (folder / kManifest).string() + ": is damaged", kDeepest);
    PAL_CHECK(manifest.at("format") == kFormat, "{}: has format {}, but this program knows {}",
              (folder / kManifest).string(), manifest.at("format").dump(), kFormat);
    const auto& files = manifest.at("files");
    const auto model = part_name(kModel, 0, 1);
    for (const auto& needed : {files.contains(kIndex) ? std::string(kIndex) : model, std::string(kState)})
      PAL_CHECK(files.contains(needed), "{}: does not list {}", (folder / kManifest).string(), needed);
    for (const auto& [name, expected] : files.items())
      check_file(folder / fs::path(name).filename(), expected);
    return {folder, manifest.at("step").get<std::int64_t>(), sha256(text)};
  } catch (const nlohmann::json::exception& problem) {
    user_error("{}: is damaged: {}", (folder / kManifest).string(), problem.what());
  }
}

CheckpointStore::CheckpointStore(fs::path folder, int keep) : folder_(std::move(folder)), keep_(keep) {
  PAL_CHECK(keep >= 1, "checkpoints: at least 1 must be kept, got {}", keep);
}

std::unique_ptr<CheckpointDraft> CheckpointStore::draft(std::int64_t step) {
  PAL_ASSERT(step >= 0, "a checkpoint of step {}", step);
  remove_leftovers();  // first, as they may fill the disk
  return std::make_unique<CheckpointDraft>(folder_ / step_name(step));
}

// Folders of later steps are left alone: a run that went back stands before them, and must not count them
// as its own.
void CheckpointStore::remove_old(std::int64_t step) {
  std::error_code none;
  const auto best = fs::read_symlink(folder_ / kBest, none);
  int kept = 0;
  for (const fs::path& path : step_folders(folder_))
    if (*step_of(path) <= step && ++kept > keep_ && path.filename() != best) remove_checkpoint(path);
}

void CheckpointStore::mark_best(std::int64_t step) {
  const fs::path link = folder_ / kBest, made = temporary_name(link);
  std::error_code error;
  fs::remove(made, error);
  fs::create_directory_symlink(step_name(step), made, error);
  if (!error) fs::rename(made, link, error);
  PAL_CHECK(!error, "{}: cannot be made: {}", link.string(), error.message());
}

std::optional<Checkpoint> CheckpointStore::find_newest() const {
  for (const fs::path& path : step_folders(folder_)) {
    try {
      Checkpoint found = open_checkpoint(path);
      PAL_CHECK(found.step == step_of(path), "{}: is the checkpoint of step {} under another name",
                path.string(), found.step);
      return found;
    } catch (const UserError& error) {
      spdlog::warn("{}: passed over: {}", path.string(), error.what());
    }
  }
  return std::nullopt;
}

bool CheckpointStore::empty() const { return step_folders(folder_).empty(); }

void remove_checkpoint_leftovers(const fs::path& parent) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent, error)) {
    const fs::path& path = entry.path();
    if (path.filename().string().find(kTemporary) == std::string::npos || !entry.is_directory()) continue;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
      std::error_code ignored;
      fs::remove_all(path, ignored);
      spdlog::debug("{}: removed what a killed writer left", path.string());
    }
    ::close(descriptor);
  }
}

}  // namespace pal
