CREATE TABLE IF NOT EXISTS items (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  request CHAR(36) CHARACTER SET ascii UNIQUE, -- of a write that may be sent twice
  KEY (name)
) ENGINE = InnoDB;

-- What `bringup check` writes on the primary, finds on the replica and removes.
CREATE TABLE IF NOT EXISTS bringup_check (
  token VARCHAR(64) PRIMARY KEY
) ENGINE = InnoDB;
