#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus::bench {

// Appends base64 of the bytes.
void append_base64(std::string_view bytes, std::string& out);
std::optional<std::string> decode_base64(std::string_view text);

// What is stored under a key: who wrote it (the run and the number of the write within the run), so that a
// read can be traced to the write it shows, and a filler that pads it to the size asked for.
class Values {
 public:
  Values(std::uint32_t run, std::size_t size);

  std::size_t size() const { return kStampSize + filler_.size(); }
  void append(std::uint64_t write, std::string& out) const;
  void append_as_base64(std::uint64_t write, std::string& out) const;

  // The number of the write that a value was stored by, if it was one of this run.
  std::optional<std::uint64_t> write_of(std::string_view value) const;

 private:
  static constexpr std::size_t kStampSize = 24;  // A multiple of 3: base64 of the filler can be prepared.

  void stamp(std::uint64_t write, char* out) const;

  std::uint32_t run_;
  std::string filler_;
  std::string filler_base64_;
};

// "k" and eight digits.
void append_key(std::size_t key, std::string& out);

}  // namespace patronus::bench
