#include "pal/distributed/local_launch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "pal/core/check.h"

extern char** environ;

namespace pal {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kToEnd = std::chrono::seconds(10);  // after SIGTERM, before SIGKILL

// One that the system has just given out, and so will not give out again soon.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool found = socket >= 0 && ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int error = errno;
  ::close(socket);
  PAL_CHECK(found, "no port of this machine is free: {}", std::strerror(error));
  return ntohs(address.sin_port);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// This process's environment with variables of a launch in the place of its own.
std::vector<std::string> environment_of(int64_t rank, int64_t processes, int port) {
  std::vector<std::string> own = {fmt::format("RANK={}", rank),           fmt::format("WORLD_SIZE={}", processes), fmt::format("LOCAL_RANK={}", rank),
                                  fmt::format("LOCAL_WORLD_SIZE={}", processes), "MASTER_ADDR=127.0.0.1",          fmt::format("MASTER_PORT={}", port)};
  std::set<std::string> names;
  for (const auto& variable : own) names.insert(variable.substr(0, variable.find('=')));
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (const std::string text = *variable; !names.contains(text.substr(0, text.find('=')))) own.push_back(text);
  return own;
}

// What the launching process takes one after the other, instead of being interrupted.
sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  return signals;
}

class Processes {
 public:
  explicit Processes(std::chrono::seconds patience) : patience_(patience), awaited_(awaited_signals()) { sigprocmask(SIG_BLOCK, &awaited_, &before_); }

  ~Processes() {
    signal_all(SIGKILL);
    for (const auto process : running_) ::waitpid(process, nullptr, 0);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  void start(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    const auto arguments = pointers(command), variables = pointers(environment);
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    PAL_CHECK(process >= 0, "{}: cannot be started: {}", command[0], std::strerror(errno));
    if (process > 0) return void(running_.insert(process));
    // Here only what is allowed after a fork. A group of its own: Ctrl-C reaches it once, from us.
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_UNBLOCK, &awaited_, nullptr);
    if (::getppid() == parent) ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }

  int wait() {
    while (!running_.empty()) {
      const timespec moment{0, 100'000'000};
      const int signal = sigtimedwait(&awaited_, nullptr, &moment);
      if (signal > 0 && signal != SIGCHLD) signal_all(signal);
      collect();
      end_the_others();
    }
    return code_;
  }

 private:
  void signal_all(int signal) const {
    for (const auto process : running_) ::kill(process, signal);
  }

  void collect() {
    int status = 0;
    for (pid_t process; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (running_.erase(process) == 0) continue;
      const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      if (code == 0 || code_ != 0) continue;
      code_ = code;
      failed_ = Clock::now();
    }
  }

  void end_the_others() {
    if (code_ == 0) return;
    const auto since = Clock::now() - failed_;
    if (since > patience_ + kToEnd)
      signal_all(SIGKILL);
    else if (since > patience_ && !std::exchange(asked_, true))
      signal_all(SIGTERM);
  }

  std::chrono::seconds patience_;
  sigset_t awaited_, before_{};
  std::set<pid_t> running_;
  int code_ = 0;
  Clock::time_point failed_;  // where code_ is not 0
  bool asked_ = false;        // the others to end
};

}  // namespace

int launch_locally(int64_t processes, const std::vector<std::string>& command, std::chrono::seconds patience) {
  PAL_ASSERT(processes >= 1 && !command.empty(), "{} processes", processes);
  const int port = free_port();
  Processes started(patience);
  for (int64_t rank = 0; rank < processes; ++rank) started.start(command, environment_of(rank, processes, port));
  return started.wait();
}

}  // namespace pal
