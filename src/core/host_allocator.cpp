#include "pal/core/host_allocator.h"

#include <c10/core/CPUAllocator.h>

#include "pal/core/host_blocks.h"

namespace pal {

namespace {

constexpr std::size_t kLarge = std::size_t{256} << 10;  // less comes from the heap, which keeps such pieces itself

// Both live as long as the process: tensors of static objects are freed after main().
HostBlocks& blocks() {
  static auto* const all = new HostBlocks();
  return *all;
}

class HostAllocator final : public c10::Allocator {
 public:
  explicit HostAllocator(c10::Allocator* small) { small_ = small; }

  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes < kLarge) return small_->allocate(bytes);
    void* const block = blocks().take(bytes);
    if (block == nullptr) c10::profiledCPUMemoryReporter().OutOfMemory(bytes);
    TORCH_CHECK(block != nullptr, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes, " bytes.");
    c10::profiledCPUMemoryReporter().New(block, bytes);
    return {block, block, &free, c10::Device(c10::kCPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &free; }

  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static void free(void* data) {
    if (data == nullptr) return;
    if (!blocks().has(data)) return small_->raw_deleter()(data);
    c10::profiledCPUMemoryReporter().Delete(data);  // before another thread can have it
    blocks().give_back(data);
  }

  inline static c10::Allocator* small_ = nullptr;
};

}  // namespace

void keep_host_blocks() {
  static const bool done = [] {
    c10::SetCPUAllocator(new HostAllocator(c10::GetCPUAllocator()));
    return true;
  }();
  (void)done;
}

}  // namespace pal
