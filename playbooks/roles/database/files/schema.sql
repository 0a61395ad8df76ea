CREATE TABLE IF NOT EXISTS items (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  request CHAR(36) CHARACTER SET ascii UNIQUE, -- makes a retried write idempotent
  KEY (name)
) ENGINE = InnoDB;

-- `bringup check` writes a row here on the primary, reads it on the replica and deletes it.
CREATE TABLE IF NOT EXISTS bringup_check (
  token VARCHAR(64) PRIMARY KEY
) ENGINE = InnoDB;
