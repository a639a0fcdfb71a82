// Little-endian encoding. A Reader is bounded by its span and remembers the first failure, so that a
// parser reads straight through and asks once, at the end, whether all of it was there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace patronus {

using ByteSpan = std::span<const std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Bytes that never change and are shared by log, messages, disk writes and state without a copy.
class Blob {
 public:
  Blob() = default;
  explicit Blob(std::string bytes) : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}

  std::string_view view() const { return bytes_ ? std::string_view(*bytes_) : std::string_view(); }
  size_t size() const { return bytes_ ? bytes_->size() : 0; }
  bool empty() const { return size() == 0; }
  friend bool operator==(const Blob& a, const Blob& b) { return a.view() == b.view(); }

 private:
  std::shared_ptr<const std::string> bytes_;
};

// Appends to a string it does not own.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void u8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(uint16_t v) { fixed(v); }
  void u32(uint32_t v) { fixed(v); }
  void u64(uint64_t v) { fixed(v); }
  void i64(int64_t v) { fixed(static_cast<uint64_t>(v)); }
  void boolean(bool v) { u8(v ? 1 : 0); }
  void raw(std::string_view bytes) { out_.append(bytes); }
  // A length of 32 bits, then the bytes.
  void bytes(std::string_view v) {
    u32(static_cast<uint32_t>(v.size()));
    raw(v);
  }

 private:
  template <typename T>
  void fixed(T v) {
    char buffer[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) buffer[i] = static_cast<char>((v >> (8 * i)) & 0xff);
    out_.append(buffer, sizeof(T));
  }

  std::string& out_;
};

// Reads from bytes it does not own. After a failure every read gives zero or nothing and ok() stays false.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  int64_t i64() { return static_cast<int64_t>(fixed<uint64_t>()); }
  // Only 0 and 1 are booleans, so that every value has one encoding.
  bool boolean() {
    const uint8_t v = u8();
    if (v > 1) fail();
    return v == 1;
  }
  // An enumeration that is counted from 1 to last.
  template <typename Enum>
  Enum enumerated(uint8_t last) {
    const uint8_t v = u8();
    if (v < 1 || v > last) fail();
    return static_cast<Enum>(v);
  }
  std::string_view raw(size_t size) {
    if (size > remaining()) {
      fail();
      return {};
    }
    const std::string_view v = in_.substr(at_, size);
    at_ += size;
    return v;
  }
  // Bytes with a length before them, refused above the bound given.
  std::string_view bytes(size_t size_max) {
    const uint32_t size = u32();
    if (size > size_max) {
      fail();
      return {};
    }
    return raw(size);
  }
  std::string text(size_t size_max) { return std::string(bytes(size_max)); }
  // A count of things to follow, each of at least bytes_each, so that a count can't promise more than is
  // there.
  size_t count(size_t count_max, size_t bytes_each) {
    const uint32_t n = u32();
    if (n > count_max || n > remaining() / bytes_each) {
      fail();
      return 0;
    }
    return n;
  }

  void fail() {
    ok_ = false;
    at_ = in_.size();
  }
  bool ok() const { return ok_; }
  // True if everything was read and nothing was missing.
  bool done() const { return ok_ && at_ == in_.size(); }
  size_t remaining() const { return in_.size() - at_; }
  size_t position() const { return at_; }

 private:
  template <typename T>
  T fixed() {
    if (sizeof(T) > remaining()) {
      fail();
      return 0;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      v |= static_cast<uint64_t>(static_cast<unsigned char>(in_[at_ + i])) << (8 * i);
    }
    at_ += sizeof(T);
    return static_cast<T>(v);
  }

  std::string_view in_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace patronus
