// Another program, run without a shell: asked line by line, or left to end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// One running program. Whatever it does wrong is a UserError that names it and tells what it first wrote to stderr:
// ending early or with another exit code than 0, writing a line of more than 1 MiB, taking longer than it may.
class ChildProcess {
 public:
  // Starts `command`: a program, found on the PATH where it holds no '/', and its arguments, which reach it as they are.
  // It may live for `seconds`. `called` is its name in messages (default: the program's). Throws UserError where it cannot be started.
  ChildProcess(const std::vector<std::string>& command, double seconds, const std::string& called = {});
  ~ChildProcess();  // kills it where it still runs
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Writes `line`, which holds no line break, to its stdin.
  void write_line(std::string_view line);
  // The next line of its stdout, without the line break.
  std::string read_line();
  // Ends its stdin and waits until it has ended; what it still writes to stdout is left alone.
  void wait();

 private:
  void check_time();
  void exchange();       // waits until something can be read or written, and does that
  bool take_output();    // false where stdout has ended
  void take_messages();  // of stderr
  void send_pending();
  [[noreturn]] void fail(const std::string& what);
  std::string end();  // waits for it; how it ended, "" for exit code 0

  std::string name_;
  double seconds_;
  std::chrono::steady_clock::time_point deadline_;
  pid_t process_ = -1;
  int input_ = -1, output_ = -1, messages_ = -1;  // our ends of its stdin, stdout and stderr; -1: closed
  std::string pending_, lines_;                   // to its stdin, from its stdout
  std::string told_, told_last_;                  // the beginning of its stderr, and the end of what came after that
  bool told_more_ = false;                        // between the two
};

}  // namespace pal
