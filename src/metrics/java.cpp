#include "java.h"

#include "pal/core/check.h"
#include "pal/core/child_process.h"

namespace pal::detail {

std::vector<std::string> java_command(const std::string& metric, const std::filesystem::path& jar, const std::string& memory,
                                      const std::vector<std::string>& arguments) {
  std::error_code error;
  PAL_CHECK(std::filesystem::is_regular_file(jar, error), "{}: {}: there is no such file; expected the metric's own jar", metric,
            jar.string());
  try {
    ChildProcess({"java", "-version"}, 60).wait();
  } catch (const UserError& none) {
    user_error("{}: needs Java, which does not run here ({}); install a Java runtime such as default-jre-headless", metric, none.what());
  }
  std::vector<std::string> command = {"java", "-jar", "-Xmx" + memory, std::filesystem::absolute(jar).string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace pal::detail
