#include "pal/core/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <functional>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

// What it throws, or "no error".
std::string message(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ChildProcess, IsAskedLineByLine) {
  ChildProcess cat({"cat"}, 60);
  const std::string wide(200'000, 'x');  // more than a socket holds at once
  for (const std::string& line : {std::string("a"), std::string(), wide}) {
    cat.write_line(line);
    EXPECT_EQ(cat.read_line(), line);
  }
  cat.wait();
}

TEST(ChildProcess, ArgumentsReachItAsTheyAre) {
  ChildProcess echo({"printf", "%s\n", "$(id); `id` \"'*", "two words"}, 60);
  EXPECT_EQ(echo.read_line(), "$(id); `id` \"'*");
  EXPECT_EQ(echo.read_line(), "two words");
  echo.wait();
}

TEST(ChildProcess, AFailureIsTold) {
  EXPECT_THAT(message([] { ChildProcess({"no-such-program-here"}, 60); }),
              HasSubstr("no-such-program-here: cannot be started: No such file"));
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "echo why >&2; exit 3"}, 60).wait(); }),
              HasSubstr("sh: ended with exit code 3; it said: why"));
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "kill -9 $$"}, 60).wait(); }), HasSubstr("ended by signal 9"));
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "echo why >&2"}, 60).read_line(); }),
              HasSubstr("ended without an answer; it said: why"));
  // A long message: Python's error comes last, Java's first, before lines that are indented by a tab.
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "echo Traceback >&2; seq 10000 >&2; echo 'ValueError: why' >&2; exit 1"}, 60).wait(); }),
              AllOf(HasSubstr("it said: Traceback"), HasSubstr("[...]"), EndsWith("ValueError: why")));
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "printf 'Exception: why\\n\\tat Main\\n' >&2; seq 10000 >&2; exit 1"}, 60).wait(); }), EndsWith("it said: Exception: why"));
  EXPECT_THAT(message([] {
                ::signal(SIGPIPE, SIG_DFL);  // whoever starts the tests may have it ignored
                ChildProcess deaf({"sh", "-c", "exec <&-; echo ready; exec sleep 60"}, 60);
                deaf.read_line();
                deaf.write_line("x");  // no signal ends us
              }),
              HasSubstr("ended before it was asked everything"));
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "yes | tr -d '\\n'"}, 60).read_line(); }), HasSubstr("a line of more than"));
}

TEST(ChildProcess, ItMayTakeNoLongerThanItMay) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(message([] { ChildProcess({"sleep", "60"}, 0.2).read_line(); }), HasSubstr("stopped after 0.2 seconds"));
  EXPECT_THAT(message([] { ChildProcess({"sleep", "60"}, 0.2).wait(); }), HasSubstr("stopped after 0.2 seconds"));
  EXPECT_THAT(message([] { ChildProcess({"sh", "-c", "exec sleep 60 >/dev/null 2>&1"}, 0.2).wait(); }),
              HasSubstr("stopped after 0.2 seconds"));
  { ChildProcess left({"sleep", "60"}, 60); }  // ends with its owner
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace pal
