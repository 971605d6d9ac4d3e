"""The city log: blocks of partition checkpoints, cosigned by witnesses."""
