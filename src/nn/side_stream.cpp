#include "pal/nn/side_stream.h"

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "pal/nn/to_device.h"

namespace pal {

using Streams = c10::impl::VirtualGuardImpl;

SideStream::SideStream(torch::Device device) : device_(device), stream_(Streams(device.type()).getStreamFromGlobalPool(device)) {}

torch::Tensor SideStream::send(const torch::Tensor& tensor) const {
  const auto computing = Streams(device_.type()).getStream(device_);
  c10::Event arrived(device_.type());
  torch::Tensor there;
  {
    const c10::StreamGuard guard(stream_);
    there = to_device(tensor, device_);
    arrived.record(stream_);
  }
  arrived.block(computing);
  there.record_stream(computing);  // its memory is this stream's: it must not be used anew before the other one has read it
  return there;
}

}  // namespace pal
