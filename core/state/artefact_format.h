// The bytes of an artefact: what it is of, then the rows of the state in their order, in blocks with a
// checksum each, then an end that says how many there were. A row never spans blocks.
//
//   head:  magic, format, length, base (with the configuration, and so the cluster), state's hash; CRC-32C of
//   all that block: length of the rows (not 0), how many, CRC-32C of them; for each its key and its value,
//   with lengths end:   0, count of all rows, the hash of all bytes before
//
// The hash is a chain of XXH64 over head and blocks; with the index it names the artefact. It tells accidents
// apart: what crosses a network is authenticated by that.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/artefact.h"
#include "core/effect.h"

namespace patronus::artefact {

// Rows to bytes, of which no more than a block is held back.
class Encoder {
 public:
  // Of a state that is not empty. Appends the head to `out`.
  Encoder(const CheckpointEnd& of, std::string& out);
  // Rows in ascending order of their keys. Appends to `out` what is complete.
  void add(std::string_view key, std::string_view value, std::string& out);
  void finish(std::string& out);
  // After finish().
  Artefact artefact() const { return {index_, hash_, bytes_}; }

 private:
  void close_block(std::string& out);
  void put(std::string_view piece, std::string& out);

  Index index_;
  std::string block_;
  uint32_t block_rows_ = 0;
  uint64_t rows_ = 0;
  uint64_t hash_ = 0;
  uint64_t bytes_ = 0;
};

// Bytes to rows. What it is given may be anything; nothing of a block is passed on before its checksum is
// right.
class Decoder {
 public:
  // Called with each row; a reason ends the reading.
  using Row = std::function<std::optional<std::string>(std::string_view key, std::string_view value)>;
  explicit Decoder(Row row) : row_(std::move(row)) {}

  // The next bytes, in pieces of any size. Nothing, or what is wrong with them; after that no more is to be
  // given.
  [[nodiscard]] std::optional<std::string> feed(std::string_view bytes);
  // When all bytes were given: whether they were a whole artefact.
  [[nodiscard]] std::optional<std::string> finish() const;

  // What it is of, once the head was read; with a configuration.
  const std::optional<CheckpointEnd>& end() const { return end_; }
  // After finish().
  Artefact artefact() const { return {end_->base.index, hash_, bytes_}; }
  uint64_t rows() const { return rows_; }

 private:
  // Takes what is whole off the front of the bytes held; false if more is needed.
  bool take_head();
  bool take_block();
  std::optional<std::string> take_rows(std::string_view rows, uint32_t count);
  void chain(size_t bytes);

  Row row_;
  std::string held_;
  std::optional<CheckpointEnd> end_;
  uint64_t rows_ = 0;
  uint64_t hash_ = 0;
  uint64_t bytes_ = 0;
  bool ended_ = false;
  std::optional<std::string> fault_;
};

}  // namespace patronus::artefact
