// A disk that is full, without one: no file of this process may be longer than so many bytes, as long as this object lives.
#pragma once

#include <signal.h>
#include <sys/resource.h>

namespace pal {

class MostBytes {
 public:
  explicit MostBytes(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~MostBytes() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  MostBytes(const MostBytes&) = delete;
  MostBytes& operator=(const MostBytes&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_;
};

}  // namespace pal
