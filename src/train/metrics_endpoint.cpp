#include "metrics_endpoint.h"

#include <httplib.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "pal/core/check.h"

namespace pal {

using Labels = std::map<std::string, std::string>;

struct MetricsEndpoint::Implementation {
  Implementation() {
    server.set_socket_options([](socket_t socket) {  // its own would let another run have the same port
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.new_task_queue = [] { return new httplib::ThreadPool(1); };  // which the server owns
    server.Get("/metrics", [this](const httplib::Request&, httplib::Response& answer) {
      answer.set_content(prometheus::TextSerializer().Serialize(registry.Collect()), "text/plain; version=0.0.4; charset=utf-8");
    });
  }
  ~Implementation() {
    server.stop();
    if (thread.joinable()) thread.join();
  }

  // JSON has no numbers that are none: they stand as null in the log's lines, and as NaN here.
  void show(const std::string& name, const nlohmann::json& value, const Labels& labels) {
    if (value.is_object())
      for (const auto& [key, inner] : value.items()) show(name, inner, with(labels, key));
    else if (value.is_number() || value.is_boolean() || value.is_null())
      prometheus::BuildGauge().Name("pal_train_" + name).Register(registry).Add(labels).Set(value.is_null() ? NAN : value.is_boolean() ? double(value.get<bool>()) : value.get<double>());
  }

  static Labels with(Labels labels, const std::string& value) {
    labels[labels.empty() ? "group" : "layer"] = value;
    return labels;
  }

  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  httplib::Server server;
  std::thread thread;  // the last one: it uses all above
};

MetricsEndpoint::MetricsEndpoint(const std::string& address, int64_t port) : impl_(std::make_unique<Implementation>()) {
  auto& server = impl_->server;
  PAL_CHECK(server.bind_to_port(address, int(port)), "train.prometheus_port: cannot listen at {}:{}: {}; another program may do so, choose another port", address, port,
            std::strerror(errno));
  impl_->thread = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // before that, it could not be stopped
}

MetricsEndpoint::~MetricsEndpoint() = default;

void MetricsEndpoint::show(const nlohmann::json& line) {
  for (const auto& [name, value] : line.items()) impl_->show(name, value, {});
}

}  // namespace pal
