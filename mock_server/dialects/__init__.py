"""Ways to keep the contract: which members, codes and manners an answer has where the documentation leaves it open."""
