// Command lines of the user's jars.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pal::detail {

// {"java", "-jar", "-XmxMEMORY", JAR, ARGUMENTS...}. Throws UserError "METRIC: ..." where there is no such file, or no Java.
std::vector<std::string> java_command(const std::string& metric, const std::filesystem::path& jar, const std::string& memory,
                                      const std::vector<std::string>& arguments);

}  // namespace pal::detail
