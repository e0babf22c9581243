// The numbers of the newest step where Prometheus fetches them: http://ADDRESS:PORT/metrics, in its text form.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace pal {

class MetricsEndpoint {
 public:
  // Listens from here on. Throws UserError where the port cannot be had.
  MetricsEndpoint(const std::string& address, int64_t port);
  ~MetricsEndpoint();

  // line: of log.jsonl. Its numbers become pal_train_NAME, its objects pal_train_NAME{group="KEY"}, and theirs pal_train_NAME{group="KEY",layer="KEY"}.
  void show(const nlohmann::json& line);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> impl_;
};

}  // namespace pal
