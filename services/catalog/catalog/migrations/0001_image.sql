-- One row per photo. MySQL 8.4 and MariaDB 10.11 both run this file.

-- Searching for "with" or "the" must not silently find nothing: index every word.
SET SESSION innodb_ft_enable_stopword = 0;

CREATE TABLE image (
  id                CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  filename          VARCHAR(255) NOT NULL,
  content_type      VARCHAR(100) NOT NULL,
  bytes             INT UNSIGNED NOT NULL,
  etag              VARCHAR(64) CHARACTER SET ascii NOT NULL,
  uploaded_at       DATETIME NOT NULL,
  deleted_at        DATETIME NULL,

  -- written by the thumbnail function
  thumbnail_status  VARCHAR(8) CHARACTER SET ascii NOT NULL DEFAULT 'pending',
  thumbnail_reason  VARCHAR(500) NULL,
  width             INT UNSIGNED NULL,
  height            INT UNSIGNED NULL,
  placeholder       VARCHAR(2000) CHARACTER SET ascii NULL,

  -- written by the annotate function, and by people
  annotation_status VARCHAR(8) CHARACTER SET ascii NOT NULL DEFAULT 'pending',
  annotation_reason VARCHAR(500) NULL,
  claimed_until     DATETIME(3) NULL,
  caption           VARCHAR(2000) NULL,
  alt_text          VARCHAR(2000) NULL,
  tags              JSON NULL,
  language          VARCHAR(35) CHARACTER SET ascii NULL,
  model             VARCHAR(100) NULL,
  prompt_version    VARCHAR(20) NULL,
  input_tokens      INT UNSIGNED NULL,
  output_tokens     INT UNSIGNED NULL,
  edited            BOOLEAN NOT NULL DEFAULT FALSE,

  search_text       TEXT AS (CONCAT_WS(' ', filename, caption, alt_text, tags)) STORED,
  FULLTEXT KEY image_search (search_text)
);
