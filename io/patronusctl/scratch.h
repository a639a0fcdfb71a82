// A directory for the time being.
#pragma once

#include <string>

namespace patronus::ctl {

class Scratch {
 public:
  // In `where`, or where TMPDIR says, or /tmp.
  explicit Scratch(const std::string& where = "");
  ~Scratch();  // with all that is in it
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Empty: it could not be made, and fault() says why.
  const std::string& path() const { return path_; }
  const std::string& fault() const { return fault_; }

 private:
  std::string path_;
  std::string fault_;
};

}  // namespace patronus::ctl
