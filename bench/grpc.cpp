#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "bench/protocol.h"

namespace patronus::bench {
namespace {

constexpr std::size_t kPrefixSize = 5;  // One byte "compressed", four bytes of length.

// Just enough of protobuf for two requests and two replies of etcd's KV service.
void append_varint(std::uint64_t number, std::string& out) {
  for (; number >= 128; number >>= 7U) out += static_cast<char>(static_cast<unsigned char>(number | 128U));
  out += static_cast<char>(number);
}

void append_bytes_field(unsigned field, std::string_view bytes, std::string& out) {
  append_varint(std::uint64_t{field} << 3U | 2U, out);
  append_varint(bytes.size(), out);
  out += bytes;
}

std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    number |= std::uint64_t{byte & 127U} << shift;
    if (byte < 128) return number;
  }
  return std::nullopt;
}

struct Field {
  std::uint64_t number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;
};

// The next field of a message; nothing at its end or where it is malformed.
std::optional<Field> take_field(std::string_view& in) {
  const auto tag = take_varint(in);
  if (!tag) return std::nullopt;
  const auto number = take_varint(in);  // A value of wire type 0, the length of type 2; KV uses no other.
  if (!number) return std::nullopt;
  Field field{*tag >> 3U, *number, {}};
  if ((*tag & 7U) == 0) return field;
  if ((*tag & 7U) != 2 || *number > in.size()) return std::nullopt;
  field.bytes = in.substr(0, static_cast<std::size_t>(*number));
  in.remove_prefix(field.bytes.size());
  return field;
}

std::optional<Field> find_field(std::string_view message, std::uint64_t number) {
  while (auto field = take_field(message)) {
    if (field->number == number) return field;
  }
  return std::nullopt;
}

struct SessionDeleter {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};

nghttp2_nv header(std::string_view name, std::string_view value) {
  // nghttp2 copies both; it takes pointers to non-const only because its structure serves both directions.
  const auto pointer = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {pointer(name), pointer(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// gRPC as etcd's own clients speak it, over HTTP/2 without TLS: one connection, one stream at a time.
class GrpcProtocol final : public Protocol {
 public:
  GrpcProtocol(const Target& target, const Values& values)
      : values_(values), authority_(target.authority()) {}

  void connected(std::string& out) override {
    nghttp2_session_callbacks* raw = nullptr;
    if (nghttp2_session_callbacks_new(&raw) != 0) throw std::runtime_error("nghttp2: out of memory");
    const std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> callbacks(raw);
    nghttp2_session_callbacks_set_on_header_callback(raw, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(raw, on_close);
    nghttp2_session* session = nullptr;
    if (nghttp2_session_client_new(&session, raw, this) != 0) throw std::runtime_error("nghttp2: no session");
    session_.reset(session);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1U << 20U}};
    check(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)));
    flush(out);
  }

  void request(const Operation& operation, std::string& out) override {
    operation_ = operation;
    build_message(operation);
    reply_message_.clear();
    grpc_status_.clear();
    http_status_.clear();
    closed_ = false;
    const bool write = operation.kind == Kind::kWrite;
    const nghttp2_nv headers[] = {header(":method", "POST"),
                                  header(":scheme", "http"),
                                  header(":path", write ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range"),
                                  header(":authority", authority_),
                                  header("content-type", "application/grpc"),
                                  header("user-agent", "patronus-load"),
                                  header("te", "trailers")};
    nghttp2_data_provider provider{};
    provider.read_callback = read_message;
    stream_ =
        nghttp2_submit_request(session_.get(), nullptr, headers, std::size(headers), &provider, nullptr);
    check(stream_);
    flush(out);
  }

  Progress consume(std::string_view bytes, std::string& out, Reply& reply) override {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (nghttp2_session_mem_recv(session_.get(), data, bytes.size()) < 0) {
      reply = {false, "broken http/2", {}};
      return Progress::kDoneAndClose;
    }
    flush(out);
    const bool goes_on = nghttp2_session_want_read(session_.get()) != 0;
    if (!closed_ && goes_on) return Progress::kMore;
    if (closed_) {
      judge(reply);
    } else {
      reply = {false, "goaway", {}};
    }
    return goes_on ? Progress::kDone : Progress::kDoneAndClose;
  }

 private:
  static void check(int result) {
    if (result < 0) throw std::runtime_error(std::string("nghttp2: ") + nghttp2_strerror(result));
  }

  void build_message(const Operation& operation) {
    std::string key = "bench/";
    append_key(operation.key, key);
    message_.assign(kPrefixSize, '\0');
    append_bytes_field(1, key, message_);
    if (operation.kind == Kind::kWrite) {
      std::string value;
      values_.append(operation.write, value);
      append_bytes_field(2, value, message_);
    }
    const std::size_t length = message_.size() - kPrefixSize;
    for (unsigned i = 0; i < 4; ++i) {
      message_[4 - i] = static_cast<char>(static_cast<unsigned char>((length >> (8 * i)) & 255U));
    }
    sent_ = 0;
  }

  void flush(std::string& out) {
    const std::uint8_t* data = nullptr;
    while (true) {
      const auto size = nghttp2_session_mem_send(session_.get(), &data);
      if (size < 0) throw std::runtime_error("nghttp2: cannot send");
      if (size == 0) return;
      out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
  }

  // gRPC's own verdict counts, and beyond it the reply must hold what a carried out request would show.
  void judge(Reply& reply) const {
    reply = {true, {}, {}};
    if (http_status_ != "200") {
      reply = {false, "http " + http_status_, {}};
    } else if (grpc_status_ != "0") {
      reply = {false, "grpc " + (grpc_status_.empty() ? "without status" : grpc_status_), {}};
    } else if (reply_message_.size() < kPrefixSize || reply_message_[0] != '\0') {
      reply = {false, "grpc message missing", {}};
    } else {
      judge_message(std::string_view(reply_message_).substr(kPrefixSize), reply);
    }
  }

  void judge_message(std::string_view message, Reply& reply) const {
    constexpr std::uint64_t kHeader = 1, kRevision = 3, kKvs = 2, kValue = 5;
    const auto head = find_field(message, kHeader);
    const auto revision = head ? find_field(head->bytes, kRevision) : std::nullopt;
    if (!revision || revision->integer == 0) {
      reply = {false, "reply without a revision", {}};
      return;
    }
    if (operation_.kind == Kind::kWrite) return;
    const auto pair = find_field(message, kKvs);
    const auto value = pair ? find_field(pair->bytes, kValue) : std::nullopt;
    if (!value) {
      reply = {false, "miss", {}};
    } else if (value->bytes.size() != values_.size()) {
      reply = {false, "value of another size", {}};
    } else {
      reply.value = value->bytes;
    }
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* self_pointer) {
    auto& self = *static_cast<GrpcProtocol*>(self_pointer);
    if (frame->hd.stream_id != self.stream_) return 0;
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") self.http_status_ = text;
    if (key == "grpc-status") self.grpc_status_ = text;
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                     std::size_t size, void* self_pointer) {
    auto& self = *static_cast<GrpcProtocol*>(self_pointer);
    if (stream == self.stream_) self.reply_message_.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t, void* self_pointer) {
    auto& self = *static_cast<GrpcProtocol*>(self_pointer);
    if (stream == self.stream_) self.closed_ = true;
    return 0;
  }

  static ssize_t read_message(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source*, void* self_pointer) {
    auto& self = *static_cast<GrpcProtocol*>(self_pointer);
    const std::size_t size = std::min(room, self.message_.size() - self.sent_);
    std::memcpy(buffer, self.message_.data() + self.sent_, size);
    self.sent_ += size;
    if (self.sent_ == self.message_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  const Values& values_;
  std::string authority_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  Operation operation_;
  std::string message_;
  std::size_t sent_ = 0;
  std::string reply_message_;
  std::string grpc_status_;
  std::string http_status_;
  std::int32_t stream_ = 0;
  bool closed_ = false;
};

}  // namespace

std::unique_ptr<Protocol> make_etcd_grpc(const Target& target, const Values& values) {
  return std::make_unique<GrpcProtocol>(target, values);
}

}  // namespace patronus::bench
