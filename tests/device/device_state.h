// What the device on the CPU keeps count of: memory, launches, waits, and copies to the host that are under way.
#pragma once
#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <pybind11/pybind11.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace stand_in {

using c10::Device, c10::DeviceType, c10::DataPtr;

inline Device gpu() { return Device(DeviceType::CUDA, 0); }

// -- failures asked for by a test ------------------------------------------------------------------------------------

// Counts down at each use of a kind ("memory", "pinned", "cublas"); the use that meets 0 fails, and only that one.
inline std::map<std::string, int64_t> countdown;
inline bool fails_now(const std::string& kind) {
  auto found = countdown.find(kind);
  if (found == countdown.end() || found->second-- > 0) return false;
  countdown.erase(found);
  return true;
}

// -- memory ------------------------------------------------------------------------------------------------------------

struct Memory {
  int64_t limit = -1, used = 0, peak = 0, allocations = 0;

  // As CUDA's caching allocator: blocks of 512 bytes. One block comes from a segment that is there, and always fits.
  static constexpr int64_t block = 512;
  static int64_t rounded(size_t bytes) { return (int64_t(bytes) + block - 1) / block * block; }

  void take(size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex);
    if (rounded(bytes) > block) {
      ++allocations;
      if ((limit >= 0 && used + rounded(bytes) > limit) || fails_now("memory"))
        C10_THROW_ERROR(OutOfMemoryError, "CUDA out of memory. Tried to allocate " + std::to_string(bytes) + " bytes.");
    }
    used += rounded(bytes);
    peak = std::max(peak, used);
  }
  void give(size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex);
    used -= rounded(bytes);
  }

 private:
  std::mutex mutex;
};
inline Memory memory;

struct Block {
  void* start;
  size_t bytes;
};
inline void free_block(void* context) {
  auto* block = static_cast<Block*>(context);
  memory.give(block->bytes);
  std::free(block->start);
  delete block;
}

struct DeviceAllocator final : c10::Allocator {
  DataPtr allocate(size_t bytes) override {
    memory.take(bytes);
    auto* block = new Block{std::malloc(bytes ? bytes : 1), bytes};
    return DataPtr(block->start, block, &free_block, gpu());
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};
inline DeviceAllocator device_allocator;

// Host memory that a GPU reads and writes by itself: the only kind whose copies do not make the host wait.
struct PinnedAllocator final : c10::Allocator {
  std::map<const char*, size_t> blocks;
  std::mutex mutex;

  DataPtr allocate(size_t bytes) override {
    if (fails_now("pinned")) throw_out_of_memory();
    std::lock_guard<std::mutex> lock(mutex);
    void* start = std::malloc(bytes ? bytes : 1);
    blocks[static_cast<const char*>(start)] = bytes ? bytes : 1;
    return DataPtr(start, start, &free_pinned, Device(DeviceType::CPU));
  }
  bool owns(const void* pointer) {
    std::lock_guard<std::mutex> lock(mutex);
    auto next = blocks.upper_bound(static_cast<const char*>(pointer));
    if (next == blocks.begin()) return false;
    auto block = std::prev(next);
    return static_cast<const char*>(pointer) < block->first + block->second;
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

  static void free_pinned(void* start);
  // What cudaHostAlloc's failure looks like through torch: no OutOfMemoryError.
  [[noreturn]] static void throw_out_of_memory() {
    throw c10::AcceleratorError({__func__, __FILE__, uint32_t(__LINE__)}, 2, "CUDA error: out of memory");
  }
};
inline PinnedAllocator pinned_allocator;
inline void PinnedAllocator::free_pinned(void* start) {
  std::lock_guard<std::mutex> lock(pinned_allocator.mutex);
  pinned_allocator.blocks.erase(static_cast<const char*>(start));
  std::free(start);
}

// -- launches ----------------------------------------------------------------------------------------------------------

struct Launches {
  bool counting = false;
  int quiet = 0;  // within a kernel that is made of several operators here
  std::vector<std::string> names;

  void add(const std::string& name) {
    if (!counting || quiet) return;
    std::lock_guard<std::mutex> lock(mutex);
    names.push_back(name);
  }

 private:
  std::mutex mutex;
};
inline Launches launches;

// -- copies to the host that are under way -----------------------------------------------------------------------------

// A copy that does not wait arrives when something waits for it. Until then the host finds bytes of 255 (NaN, -1), so
// that who reads too early reads nonsense here as there.
struct Copies {
  void add(const at::Tensor& host, const at::Tensor& values) {
    std::lock_guard<std::mutex> lock(mutex);
    if (host.is_contiguous()) std::memset(host.mutable_data_ptr(), 255, host.nbytes());
    under_way.push_back({host, values});
  }
  int64_t launched() {
    std::lock_guard<std::mutex> lock(mutex);
    return arrived + int64_t(under_way.size());
  }
  // Those launched before `launched()` was `ticket`; -1: all.
  void arrive(int64_t ticket = -1) {
    std::lock_guard<std::mutex> lock(mutex);
    const c10::InferenceMode writable(true);  // the host's tensor may be one of inference mode
    while (!under_way.empty() && (ticket < 0 || arrived < ticket)) {
      under_way.front().first.copy_(under_way.front().second);
      under_way.pop_front();
      ++arrived;
    }
  }

 private:
  std::deque<std::pair<at::Tensor, at::Tensor>> under_way;
  int64_t arrived = 0;
  std::mutex mutex;
};
inline Copies copies;

// -- waits -------------------------------------------------------------------------------------------------------------

inline pybind11::object* on_wait = nullptr;  // called with what waits
inline bool waits_are_errors = false;        // as torch.cuda.set_sync_debug_mode("error")

// The host waits for what was launched before `ticket` (see Copies); -1: for all of it.
inline void wait(const std::string& kind, int64_t ticket = -1) {
  TORCH_CHECK(!waits_are_errors, "called a synchronizing CUDA operation: ", kind);
  copies.arrive(ticket);
  if (on_wait && !launches.quiet) {
    pybind11::gil_scoped_acquire gil;
    (*on_wait)(kind);
  }
}

}  // namespace stand_in
