#include "io/tls/session.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/assert.h"
#include "io/tls/failure.h"

namespace patronus::tls {
namespace {

constexpr size_t kRecordBytes = size_t{16} * 1024;  // of plaintext, at most (RFC 8446 section 5.1)

}  // namespace

// A BIO that reads from what receive() was given and writes to the output: no copy, and no buffer that stays
// as large as the largest chunk there ever was.
struct Session::Access {
  static int read(BIO* bio, char* into, int size) {
    auto* self = static_cast<Session*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const size_t n = std::min(self->input_.size(), static_cast<size_t>(std::max(size, 0)));
    if (n == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(into, self->input_.data(), n);
    self->input_.remove_prefix(n);
    return static_cast<int>(n);
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    static_cast<Session*>(BIO_get_data(bio))->output_.append(from, static_cast<size_t>(size));
    return size;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session");
      PATRONUS_ASSERT(made != nullptr, "there is memory for a table of functions");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }

  // Called for each certificate of the chain, from the authority's down to the other end's own.
  static int verify(int accepted, X509_STORE_CTX* store) {
    const auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<Session*>(SSL_get_app_data(ssl));
    const X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (accepted == 1 && X509_STORE_CTX_get_error_depth(store) == 0) {
      self->peer_node_ = node_of(certificate);
      if (!self->peer_node_) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        accepted = 0;
      }
    }
    const std::optional<int64_t> revoked_at =
        accepted == 1 && self->revoked_ ? self->revoked_->revoked_at(certificate) : std::nullopt;
    if (revoked_at) {
      X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
      self->refusal_ = explain_revocation(certificate, *revoked_at);
      return 0;
    }
    if (accepted != 1) self->refusal_ = explain_refusal(X509_STORE_CTX_get_error(store), certificate);
    return accepted;
  }
};

Session::Session(const Context& context, Side side, std::shared_ptr<const RevocationLists> revoked)
    : ssl_(context.new_connection()), revoked_(std::move(revoked)) {
  BIO* bio = ssl_ ? BIO_new(Access::method()) : nullptr;
  if (bio == nullptr) {
    failure_ = "can't be served: there is no memory left for TLS";
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  if (context.role() == Role::kPeer) {
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, Access::verify);
  }
  if (side == Side::kAcceptor) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    shake_hands();
  }
}

void Session::refuse_revoked(std::shared_ptr<const RevocationLists> revoked) {
  revoked_ = std::move(revoked);
  if (!revoked_ || !established()) return;
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl_.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    const std::optional<int64_t> at = revoked_->revoked_at(certificate);
    if (!at) continue;
    failure_ = explain_revocation(certificate, *at);
    return;
  }
}

void Session::receive(std::string_view ciphertext) {
  if (!failure_.empty() || input_closed_) return;
  input_ = ciphertext;
  if (!established_) shake_hands();
  if (established()) read_all();
  input_ = {};
}

void Session::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_ = true;
    // The list may have been replaced after the certificate was checked.
    refuse_revoked(revoked_);
  } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    fail();
  }
}

void Session::read_all() {
  std::array<char, kRecordBytes> piece{};
  while (true) {
    ERR_clear_error();
    size_t n = 0;
    const int result = SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &n);
    if (result == 1) {
      plaintext_.append(piece.data(), n);
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      input_closed_ = true;
    } else {
      fail();
    }
    return;
  }
}

void Session::send(std::string_view plaintext) {
  PATRONUS_ASSERT(established_, "plaintext is sent after the handshake");
  if (plaintext.empty() || !failure_.empty() || output_closed_) return;
  ERR_clear_error();
  size_t written = 0;
  // The output takes everything, so there is no partial write.
  if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written) != 1) fail();
}

void Session::close() {
  // After a failure OpenSSL must not be asked to shut down.
  if (!established() || output_closed_) return;
  output_closed_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void Session::fail() {
  failure_ = refusal_.empty() ? explain_error(ERR_peek_error()) : refusal_;
  ERR_clear_error();
}

std::string Session::take_plaintext() { return std::exchange(plaintext_, {}); }
std::string Session::take_output() { return std::exchange(output_, {}); }

}  // namespace patronus::tls
