#include "pal/core/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <thread>

#include "pal/core/check.h"

extern char** environ;

namespace pal {

namespace {

constexpr std::size_t kLongestLine = 1 << 20, kMessagesKept = 600;  // of the beginning, and as much of the end
constexpr int kPatience = 50;  // milliseconds between looks at the clock
constexpr int kLastReads = 100;  // of the messages of a child that is given up, which may never stop talking

// Both ends of one of the child's three streams. A socket rather than a pipe, since writing to a child that has ended
// must give an error (MSG_NOSIGNAL) and not a signal.
std::array<int, 2> stream() {
  std::array<int, 2> ends{};
  PAL_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair: {}", std::strerror(errno));
  return ends;
}

void close_end(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

// posix_spawnp with the three streams; its error number, or 0.
int spawn(pid_t& process, const std::vector<std::string>& command, int input, int output, int messages) {
  std::vector<char*> arguments;
  for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
  const int error = posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, double seconds, const std::string& called)
    : name_(called.empty() ? command.at(0) : called), seconds_(seconds) {
  PAL_CHECK(seconds > 0 && seconds <= 1e7, "{}: expected a time limit above 0 and up to 1e7 seconds, got {}", name_, seconds);
  deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(int64_t(seconds * 1000));
  auto input = stream(), output = stream(), messages = stream();
  const int error = spawn(process_, command, input[1], output[1], messages[1]);
  for (int* theirs : {&input[1], &output[1], &messages[1]}) close_end(*theirs);
  input_ = input[0];
  output_ = output[0];
  messages_ = messages[0];
  if (error == 0) return;
  process_ = -1;
  for (int* ours : {&input_, &output_, &messages_}) close_end(*ours);
  user_error("{}: cannot be started: {}", name_, std::strerror(error));
}

ChildProcess::~ChildProcess() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    end();
  }
  for (int* ours : {&input_, &output_, &messages_}) close_end(*ours);
}

void ChildProcess::write_line(std::string_view line) {
  PAL_ASSERT(line.find('\n') == std::string_view::npos, "a line break within a line");
  pending_.append(line).push_back('\n');
  while (!pending_.empty() && output_ >= 0) exchange();
  if (!pending_.empty()) fail("ended before it was asked everything");
}

std::string ChildProcess::read_line() {
  for (std::size_t from = 0;;) {
    const std::size_t end = lines_.find('\n', from);
    if (end != std::string::npos) {
      std::string line = lines_.substr(0, end);
      lines_.erase(0, end + 1);
      return line;
    }
    if (lines_.size() > kLongestLine) fail(fmt::format("wrote a line of more than {} bytes", kLongestLine));
    if (output_ < 0) fail("ended without an answer");
    from = lines_.size();
    exchange();
  }
}

void ChildProcess::wait() {
  close_end(input_);
  pending_.clear();
  while (output_ >= 0 || messages_ >= 0) {
    exchange();
    lines_.clear();
  }
  siginfo_t ended{};  // it may have closed its streams and still run
  while (::waitid(P_PID, id_t(process_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0) {
    check_time();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::string how = end();
  if (!how.empty()) fail(how);
}

void ChildProcess::check_time() {
  if (std::chrono::steady_clock::now() >= deadline_) fail(fmt::format("was stopped after {} seconds, the time limit", seconds_));
}

void ChildProcess::exchange() {
  std::array<pollfd, 3> ends{{{output_, POLLIN, 0}, {messages_, POLLIN, 0}, {pending_.empty() ? -1 : input_, POLLOUT, 0}}};
  check_time();
  if (::poll(ends.data(), ends.size(), kPatience) <= 0) return;
  if (ends[0].revents != 0 && !take_output()) close_end(output_);
  if (ends[1].revents != 0) take_messages();
  if (ends[2].revents != 0) send_pending();
}

bool ChildProcess::take_output() {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(output_, buffer.data(), buffer.size(), 0);
  if (got > 0) lines_.append(buffer.data(), std::size_t(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

void ChildProcess::take_messages() {
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(messages_, buffer.data(), buffer.size(), 0);
  if (got == 0 || (got < 0 && errno != EINTR)) return close_end(messages_);
  if (got <= 0) return;
  const std::size_t begin = std::min(std::size_t(got), kMessagesKept - told_.size());
  told_.append(buffer.data(), begin);
  told_last_.append(buffer.data() + begin, std::size_t(got) - begin);
  if (told_last_.size() <= kMessagesKept) return;
  told_last_.erase(0, told_last_.size() - kMessagesKept);
  told_more_ = true;
}

void ChildProcess::send_pending() {
  const ssize_t sent = ::send(input_, pending_.data(), pending_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0)
    pending_.erase(0, std::size_t(sent));
  else if (errno != EAGAIN && errno != EINTR)
    fail("ended before it was asked everything");
}

void ChildProcess::fail(const std::string& what) {
  // What it says of itself may still be on its way.
  pollfd messages{messages_, POLLIN, 0};
  for (int i = 0; i < kLastReads && messages_ >= 0 && ::poll(&messages, 1, kPatience) > 0; ++i) take_messages();
  if (process_ > 0) ::kill(process_, SIGKILL);
  end();
  if (const auto trace = told_.find("\n\t"); trace != std::string::npos)  // indented lines are Java's stack trace, after the error
    told_.resize(trace);
  else  // Python says the error last
    told_ += (told_more_ ? "\n[...]\n" : "") + told_last_;
  while (!told_.empty() && std::isspace(static_cast<unsigned char>(told_.back())) != 0) told_.pop_back();
  user_error("{}: {}{}{}", name_, what, told_.empty() ? "" : "; it said: ", told_);
}

std::string ChildProcess::end() {
  if (process_ <= 0) return "";
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace pal
