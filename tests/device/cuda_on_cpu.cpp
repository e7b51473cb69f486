// A CUDA device whose memory is the host's: each operator of the CUDA key runs the CPU's kernel on the same bytes.
//
// torch's dispatcher, autograd with its own thread for the device, autocast, the fused optimizer and the gradient scaler
// are torch's own. What is different from a GPU: kernels are the CPU's, and they are done when they are launched.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/transformers/attention.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/library.h>

#include <set>

#include "device_state.h"

using namespace c10;
using namespace stand_in;
namespace py = pybind11;

namespace {

// -- one device, one stream ----------------------------------------------------------------------------------------------

struct Guard final : impl::DeviceGuardImplInterface {
  DeviceType type() const override { return DeviceType::CUDA; }
  Device exchangeDevice(Device) const override { return gpu(); }
  Device getDevice() const override { return gpu(); }
  void setDevice(Device) const override {}
  void uncheckedSetDevice(Device) const noexcept override {}
  DeviceIndex deviceCount() const noexcept override { return 1; }
  Stream getStream(Device) const override { return Stream(Stream::DEFAULT, gpu()); }
  Stream getDefaultStream(Device) const override { return Stream(Stream::DEFAULT, gpu()); }
  Stream getStreamFromGlobalPool(Device, bool) const override { return Stream(Stream::DEFAULT, gpu()); }
  Stream getNewStream(Device, int) const override { return Stream(Stream::DEFAULT, gpu()); }
  Stream exchangeStream(Stream stream) const override { return stream; }
  bool queryStream(const Stream&) const override { return true; }
  void synchronizeStream(const Stream&) const override { wait("stream"); }
  void synchronizeDevice(const DeviceIndex) const override { wait("device"); }
  void record(void**, const Stream&, const DeviceIndex, const EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override { wait("event"); }
  void destroyEvent(void*, const DeviceIndex) const noexcept override {}
  void recordDataPtrOnStream(const DataPtr&, const Stream&) const override {}
};

// torch looks the hooks up by this name.
struct CUDAHooks : at::CUDAHooksInterface {
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex deviceCount() const override { return 1; }
  int getNumGPUs() const override { return 1; }
  DeviceIndex current_device() const override { return 0; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  DeviceIndex exchangeDevice(DeviceIndex) const override { return 0; }
  DeviceIndex maybeExchangeDevice(DeviceIndex) const override { return 0; }
  void setCurrentDevice(DeviceIndex) const override {}
  void deviceSynchronize(DeviceIndex) const override { wait("device"); }
  bool isPinnedPtr(const void* pointer) const override { return pinned_allocator.owns(pointer); }
  Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator; }
};

// -- the same bytes under another device ---------------------------------------------------------------------------------

struct Held {
  Storage storage;
  size_t counted;
};
void drop_held(void* context) {
  auto* held = static_cast<Held*>(context);
  if (held->counted) memory.give(held->counted);
  delete held;
}

// `t` under `type`, with storage of its own that keeps that of `t`. A kernel's result that comes to the device is counted
// there.
at::Tensor alias(const at::Tensor& t, DeviceType type) {
  if (!t.defined() || t.device().type() == type || t.device().type() == DeviceType::Meta) return t;
  const bool to_device = type == DeviceType::CUDA;
  auto* held = new Held{t.storage(), 0};
  if (to_device) {
    try {
      memory.take(t.storage().nbytes());
    } catch (...) {
      delete held;
      throw;
    }
    held->counted = t.storage().nbytes();
  }
  Storage storage(Storage::use_byte_size_t{}, t.storage().nbytes(),
                  DataPtr(held->storage.mutable_data(), held, &drop_held, to_device ? gpu() : Device(type)),
                  to_device ? &device_allocator : GetAllocator(DeviceType::CPU), false);
  const DispatchKeySet keys(to_device ? DispatchKey::CUDA : DispatchKey::CPU);
  auto out = at::detail::make_tensor<TensorImpl>(std::move(storage), keys, t.dtype());
  out.unsafeGetTensorImpl()->set_sizes_and_strides(t.sizes(), t.strides(), t.storage_offset());
  if (t.is_conj()) out._set_conj(true);
  if (t.is_neg()) out._set_neg(true);
  return out;
}
at::Tensor on_cpu(const at::Tensor& t) { return alias(t, DeviceType::CPU); }

// A view of the storage of `base` with the geometry of `view`.
at::Tensor view_of(const at::Tensor& base, const at::Tensor& view) {
  auto out = at::detail::make_tensor<TensorImpl>(TensorImpl::VIEW, Storage(base.storage()), base.key_set(), view.dtype());
  out.unsafeGetTensorImpl()->set_sizes_and_strides(view.sizes(), view.strides(), view.storage_offset());
  return out;
}

// -- what operators do on a GPU beside computing ---------------------------------------------------------------------------

// The shape of their result depends on values, which CUDA's kernels read back.
const std::set<std::string> reading = {
    "aten::nonzero", "aten::masked_select", "aten::_unique", "aten::_unique2", "aten::unique_dim",
    "aten::unique_consecutive", "aten::unique_dim_consecutive", "aten::equal", "aten::bincount", "aten::_coalesce",
};
const std::set<std::string> products = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::addmm_", "aten::baddbmm_"};

bool is_mask(const at::Tensor& t) { return t.scalar_type() == ScalarType::Bool || t.scalar_type() == ScalarType::Byte; }

// Does CUDA's kernel of this operator wait? `args`: as it was called.
bool waits(const std::string& name, const std::vector<IValue>& args) {
  if (reading.count(name)) return true;
  if (name == "aten::repeat_interleave") return args.back().isNone();  // output_size
  // Reading by index copies and turns masks into positions by operators of its own; writing does it in its kernel.
  if (name != "aten::_index_put_impl_" && name != "aten::index_put_") return false;
  int masks = 0, others = 0;
  for (const std::optional<at::Tensor>& t : args[1].toOptionalTensorVector()) {
    if (!t || !t->defined()) continue;
    if (t->device().is_cpu() && t->dim() > 0) return true;
    (is_mask(*t) ? masks : others)++;
  }
  const bool fills = args[2].toTensor().numel() == 1 && !args[3].toBool();
  return masks > 0 && !(fills && masks == 1 && others == 0);
}

bool only_a_view(const FunctionSchema& schema) {
  for (const auto& result : schema.returns())
    if (result.alias_info() && !result.alias_info()->isWrite()) return true;
  return false;
}

// The CPU has no softmax from half to float in one, which CUDA's autocast asks for, and no gradient of it.
bool softmax_to_float(const OperatorHandle& op, const std::string& name, torch::jit::Stack* stack, size_t begin) {
  IValue* args = stack->data() + begin;
  if (name == "aten::_softmax" || name == "aten::_log_softmax") {
    if (!args[2].toBool()) return false;
    args[0] = args[0].toTensor().to(at::kFloat);
    args[2] = false;
  } else if (name == "aten::_softmax_backward_data" || name == "aten::_log_softmax_backward_data") {
    const auto wanted = args[3].toScalarType(), have = args[0].toTensor().scalar_type();
    if (wanted == have) return false;
    auto* compute = name == "aten::_softmax_backward_data" ? &at::_softmax_backward_data : &at::_log_softmax_backward_data;
    at::Tensor found = compute(args[0].toTensor(), args[1].toTensor(), args[2].toInt(), have).to(wanted);
    if (op.schema().arguments().size() > 4) found = args[4].toTensor().resize_(found.sizes()).copy_(found);
    torch::jit::drop(*stack, op.schema().arguments().size());
    stack->push_back(found);
    return true;
  } else {
    return false;
  }
  op.redispatchBoxed(DispatchKeySet(DispatchKey::CPU), stack);
  return true;
}

// -- any operator ----------------------------------------------------------------------------------------------------------

void to_host_arguments(const FunctionSchema& schema, torch::jit::Stack* stack, size_t begin) {
  for (size_t i = 0; i < schema.arguments().size(); ++i) {
    IValue& v = (*stack)[begin + i];
    if (v.isTensor()) {
      const at::Tensor& t = v.toTensor();
      const auto* info = schema.arguments()[i].alias_info();
      const bool may_grow = t.defined() && info && info->isWrite() && t.numel() == 0;
      v = may_grow ? at::empty(t.sizes(), at::TensorOptions().dtype(t.dtype())) : on_cpu(t);
    } else if (v.isTensorList()) {
      c10::List<at::Tensor> made;
      for (const at::Tensor& t : v.toTensorVector()) made.push_back(on_cpu(t));
      v = IValue(made);
    } else if (v.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> made;
      for (const std::optional<at::Tensor>& t : v.toOptionalTensorVector())
        made.push_back(t ? std::optional<at::Tensor>(on_cpu(*t)) : std::nullopt);
      v = IValue(made);
    } else if (v.isDevice() && v.toDevice().is_cuda()) {
      v = IValue(Device(DeviceType::CPU));
    }
  }
}

// The argument that result number `r` is, or is a view of; nullptr: it is new.
const at::Tensor* aliased(const FunctionSchema& schema, size_t r, const std::vector<IValue>& before) {
  const auto* info = schema.returns()[r].alias_info();
  if (!info) return nullptr;
  for (size_t a = 0; a < before.size(); ++a) {
    const auto* other = schema.arguments()[a].alias_info();
    if (other && before[a].isTensor() && other->beforeSets() == info->beforeSets()) return &before[a].toTensor();
  }
  return nullptr;
}

IValue to_device_result(const FunctionSchema& schema, size_t r, const IValue& v, const std::vector<IValue>& before) {
  const auto* info = schema.returns()[r].alias_info();
  if (v.isTensorList()) {
    c10::List<at::Tensor> made;
    for (const at::Tensor& t : v.toTensorVector())
      made.push_back(info && before[0].isTensor() ? view_of(before[0].toTensor(), t) : alias(t, DeviceType::CUDA));
    return IValue(made);
  }
  if (!v.isTensor() || !v.toTensor().defined()) return v;
  const at::Tensor& t = v.toTensor();
  const at::Tensor* base = aliased(schema, r, before);
  if (!base) return IValue(alias(t, DeviceType::CUDA));
  if (!info->isWrite()) return IValue(view_of(*base, t));
  if (base->sizes() != t.sizes()) {  // an `out` that was resized
    TORCH_CHECK(base->is_cuda());
    base->unsafeGetTensorImpl()->set_storage_keep_dtype(alias(t, DeviceType::CUDA).storage());
    base->unsafeGetTensorImpl()->set_sizes_and_strides(t.sizes(), t.strides(), t.storage_offset());
  }
  return IValue(*base);
}

void check_devices(const OperatorHandle& op, const std::vector<IValue>& args) {
  bool on_device = false;
  const at::Tensor* on_host = nullptr;
  auto look = [&](const at::Tensor& t) {
    if (!t.defined()) return;
    on_device = on_device || t.is_cuda();
    if (t.device().is_cpu() && t.dim() > 0) on_host = &t;
  };
  std::vector<std::vector<at::Tensor>> lists;
  for (const IValue& v : args) {
    if (v.isTensor()) look(v.toTensor());
    if (v.isTensorList()) {
      lists.push_back(v.toTensorVector());
      for (const at::Tensor& t : lists.back()) look(t);
    }
  }
  TORCH_CHECK(!on_device || !on_host, "Expected all tensors to be on the same device: ", toString(op.schema().operator_name()),
              " got a tensor of shape ", on_host ? on_host->sizes() : IntArrayRef(), " in host memory");
}

void run_on_cpu(const OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const std::string& name = schema.operator_name().name;
  const size_t begin = stack->size() - schema.arguments().size();
  const std::vector<IValue> before(stack->begin() + begin, stack->end());
  check_devices(op, before);
  if (!only_a_view(schema)) launches.add(name);
  if (products.count(name) && fails_now("cublas"))
    TORCH_CHECK(false, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`");
  if (waits(name, before)) wait(name);
  to_host_arguments(schema, stack, begin);
  if (!softmax_to_float(op, name, stack, begin)) op.redispatchBoxed(DispatchKeySet(DispatchKey::CPU), stack);
  const size_t n_results = schema.returns().size(), first = stack->size() - n_results;
  for (size_t r = 0; r < n_results; ++r) (*stack)[first + r] = to_device_result(schema, r, (*stack)[first + r], before);
}

// -- operators that are the device's own -------------------------------------------------------------------------------------

at::Tensor empty(IntArrayRef size, std::optional<ScalarType> dtype, std::optional<Layout>, std::optional<Device>,
                 std::optional<bool>, std::optional<MemoryFormat> format) {
  return at::detail::empty_generic(size, &device_allocator, DispatchKeySet(DispatchKey::CUDA), dtype_or_default(dtype), format);
}
at::Tensor empty_strided(IntArrayRef size, IntArrayRef stride, std::optional<ScalarType> dtype, std::optional<Layout>,
                         std::optional<Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &device_allocator, DispatchKeySet(DispatchKey::CUDA), dtype_or_default(dtype));
}

at::Tensor& copy_(at::Tensor& self, const at::Tensor& src, bool non_blocking) {
  if (self.numel() == 0) return self;
  const bool to_host = src.is_cuda() && !self.is_cuda(), from_host = self.is_cuda() && !src.is_cuda();
  const at::Tensor& host = to_host ? self : src;
  const bool pinned = (to_host || from_host) && pinned_allocator.owns(host.storage().data());
  const at::Tensor to = on_cpu(self), from = on_cpu(src.detach());
  if (!to_host && !from_host) {
    launches.add(self.scalar_type() == src.scalar_type() ? "copy" : "cast");
  } else {
    launches.add(to_host ? "copy to host" : "copy from host");
    if (non_blocking && pinned) {
      if (to_host) {
        copies.add(to, from.to(to.scalar_type()).clone());
        return self;
      }
    } else {
      const std::string slow = non_blocking ? ", not pinned" : "";  // CUDA stages it, and may wait to
      wait((to_host ? "copy to host" : "copy from host") + slow);
    }
  }
  to.copy_(from);
  return self;
}
at::Scalar local_scalar(const at::Tensor& self) {
  launches.add("copy to host");
  wait("item");
  return at::_local_scalar_dense(on_cpu(self));
}
at::Tensor view(const at::Tensor& self, IntArrayRef size) { return view_of(self, on_cpu(self).view(size)); }
at::Tensor as_strided(const at::Tensor& self, IntArrayRef size, IntArrayRef stride, std::optional<int64_t> offset) {
  return view_of(self, at::as_strided(on_cpu(self), size, stride, offset));
}
at::Tensor reshape_alias(const at::Tensor& self, IntArrayRef size, IntArrayRef stride) {
  return view_of(self, at::as_strided(on_cpu(self), size, stride, self.storage_offset()));
}
at::Tensor unfold(const at::Tensor& self, int64_t dim, int64_t size, int64_t step) {
  return view_of(self, on_cpu(self).unfold(dim, size, step));
}

int64_t choose_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, double, bool,
                         std::optional<double>, bool) {
  return int64_t(at::SDPBackend::math);
}

// CUDA has kernels of its own for these, where the dispatcher's default is several operators: a loop over a list of
// tensors, a layer norm from a batch norm.
void add_fused_operators(torch::Library& library) {
  library.impl("native_layer_norm", torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
  for (const auto& name : Dispatcher::singleton().getAllOpNames())
    if (name.name.rfind("aten::_foreach_", 0) == 0 && name.overload_name.find("out") == std::string::npos)
      library.impl(toString(name).c_str(), torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
}

}  // namespace

namespace at {
using ::CUDAHooks;
REGISTER_CUDA_HOOKS(CUDAHooks)
}  // namespace at
namespace {
C10_REGISTER_GUARD_IMPL(CUDA, Guard)
}
TORCH_LIBRARY_IMPL(_, CUDA, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>()); }
TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("copy_", &copy_);
  m.impl("_local_scalar_dense", &local_scalar);
  m.impl("view", &view);
  m.impl("as_strided", &as_strided);
  m.impl("_reshape_alias", &reshape_alias);
  m.impl("unfold", &unfold);
  add_fused_operators(m);
}

PYBIND11_MODULE(cuda_on_cpu, m) {
  SetAllocator(DeviceType::CUDA, &device_allocator, 1);
  at::native::_fused_sdp_choice_stub.set_cuda_dispatch_ptr(&choose_attention);
  m.def("count", [](bool on) { launches.counting = on; launches.names.clear(); });
  m.def("launched", [] { return launches.names; });
  m.def("launched_so_far", [] { return launches.names.size(); });
  m.def("launch", [](const std::string& name) { launches.add(name); });
  m.def("quiet", [](bool on) { launches.quiet += on ? 1 : -1; });
  m.def("on_wait", [](py::object f) { delete on_wait; on_wait = f.is_none() ? nullptr : new py::object(f); });
  m.def("waits_are_errors", [](bool on) { waits_are_errors = on; });
  m.def("wait", [](const std::string& kind) { wait(kind); });
  m.def("copies_launched", [] { return copies.launched(); });
  m.def("wait_event", [](int64_t ticket) { wait("event", ticket); });
  m.def("limit", [](int64_t bytes) { memory.limit = bytes; });
  m.def("memory", [] { return std::make_pair(memory.used, memory.peak); });
  m.def("allocations", [] { return memory.allocations; });
  m.def("reset_peak", [] { memory.peak = memory.used; });
  m.def("fail", [](const std::string& kind, int64_t after) { if (after < 0) countdown.erase(kind); else countdown[kind] = after; });
}
