#include "record.h"

#include <cxxabi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace dry_cuda {
namespace {

std::string readable(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return result + "\"";
}

void write_counts(std::FILE* file, const char* key, const Counts& counts) {
  std::fprintf(file, "  %s: {", quoted(key).c_str());
  const char* separator = "\n";
  for (const auto& [name, count] : counts) {
    std::fprintf(file, "%s    %s: %ld", separator, quoted(readable(name)).c_str(), count);
    separator = ",\n";
  }
  std::fprintf(file, "\n  },\n");
}

void write_report() {
  const char* folder = std::getenv("PAL_DRY_CUDA_REPORT");
  if (!folder) return;
  const auto path = std::string(folder) + "/" + std::to_string(getpid()) + ".json";
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (!file) return std::perror(path.c_str());
  auto& r = record();
  std::lock_guard lock(r.mutex);
  std::fprintf(file, "{\n");
  write_counts(file, "launches", r.launches);
  write_counts(file, "replayed", r.replayed);
  write_counts(file, "waits", r.waits);
  write_counts(file, "copies", r.copies);
  write_counts(file, "devices", r.devices);
  std::fprintf(file, "  \"graph_launches\": %ld,\n  \"faults\": [", r.graph_launches);
  for (std::size_t i = 0; i < r.faults.size(); ++i) std::fprintf(file, "%s\n    %s", i ? "," : "", quoted(r.faults[i]).c_str());
  std::fprintf(file, "]\n}\n");
  std::fclose(file);
}

}  // namespace

Record& record() {
  static Record* const instance = [] {  // outlives what other libraries do at the end
    std::atexit(write_report);
    return new Record;
  }();
  return *instance;
}

void fault(const std::string& what) {
  std::fprintf(stderr, "dry_cuda: %s\n", what.c_str());
  auto& r = record();
  std::lock_guard lock(r.mutex);
  r.faults.push_back(what);
}

}  // namespace dry_cuda
